"""What the daemon says to a person at the console: each sentence has a Chinese wording, or stands here with the reason why it never
reaches a page; and no wording is of a sentence that nobody says (daemon/console/lib/sentences.js, sentences/*.js)."""
import json
import re

from house import DAEMON, line_of, problems, short, sources, without_comments

CONSOLE = DAEMON / "console"
TABLES = CONSOLE / "lib" / "sentences"

# ---- what is said ----

# Rooms whose sentences may stand on a page, and how many are found there at least: a rule that finds nothing proves nothing.
ROOMS = {"api": 130, "base": 5, "campaign": 60, "conf": 20, "dispatch": 30, "drafting": 10, "launch": 10, "net": 5, "people": 3, "pledging": 1,
         "sms": 5, "store": 80}

# Files whose sentences are for programs, for the terminal or for the log.
ELSEWHERE = {
    "api/attention.c": "lib/attention.js says the same from the figures; the daemon's own lines are small print, marked as English",
    "api/backup.c": "backups are made on the machine",
    "api/encode_ledger.c": "the file of entries is for who keeps the books",
    "api/files.c": "without these files there is no page",
    "api/metrics.c": "for Prometheus",
    "api/optouts.c": "no page adds opt-outs",
    "api/public_html.c": "the public page has its own words",
    "api/public_page.c": "the public page has its own words",
    "api/publish.c": "notices are published from the command line",
    "api/purge.c": "deleting is done on the machine",
    "api/query.c": "a query is written by the page, not by a person",
    "api/routes.c": "the documentation of the routes",
    "api/streams.c": "markers of the event stream",
    "api/tokens.c": "tokens are made from the command line",
    "api/totals.c": "the documentation of two figures",
    "base/archive.c": "backups are made on the machine",
    "base/digest.c": "the daemon ends with it",
    "base/failpoint.c": "for the tests of crashes",
    "base/ids.c": "the daemon ends with it",
    "base/logfields.c": "a line of the log",
    "campaign/folder.c": "outreachctl check",
    "campaign/unfinished.c": "a comment in a draft's file",
    "conf/address.c": "a setting of outreachd.ini",
    "conf/callback_key.c": "a setting of outreachd.ini",
    "conf/ini.c": "a file written by hand; drafts are written by the daemon",
    "conf/mistake.c": "a mistake as the terminal shows it",
    "conf/secret.c": "a setting of outreachd.ini",
    "conf/settings.c": "a setting of outreachd.ini",
    "conf/settings_rows.c": "the documentation of outreachd.ini",
    "net/http_request.c": "no browser sends such a request",
    "net/http_server.c": "no browser sends such a request",
    "store/backup.lua": "backups are made on the machine",
    "store/layouts.c": "the head of the function library",
    "store/migrate.lua": "the daemon waits with it before there is a page",
    "store/queue_view.c": "outreachctl campaign verify",
    "store/rdb.c": "backups are made on the machine",
    "store/restore.c": "backups are made on the machine",
    "store/snapshot.c": "backups are made on the machine",
    "store/library.c": "the head of the function library",
    "store/views.lua": "outreachctl campaign verify",
    "store/ledger_proof.c": "the proof of the ledger is small print, marked as English",
}

# Single sentences: how they begin, and why no page shows them.
BY_PAGE = "the pages send what is right here, whatever a person types"
BY_PROGRAM = "only programs ask like this"
BY_OFFICE = "no page takes this step: it is done from the command line"
BY_ROW = "why a row is left out: it goes by its word (problem.…)"
INSIDE = "between the daemon and Redis; no answer of the API repeats it"
A_SETTING = "a setting of outreachd.ini"
A_PART = "a part that the wording does without"
NO_SENTENCE = "names, or a record in the log or the audit"
NEVER = {
    '{"error":{"code":"memory"': INSIDE, "an error without a name": INSIDE, "the text has a fault without": INSIDE,
    "ERR Function not found": INSIDE, "chunk.lua reads": INSIDE, "one way to write both": INSIDE, "no such chunk": INSIDE,
    "positions outside of the chunk": INSIDE, "the chunk has recipients": INSIDE, "a newer claim owns": INSIDE,
    "only a %s is posted": INSIDE, "a campaign of this id is": INSIDE,
    "redis is not ready": BY_PROGRAM, "there is no route %s": BY_PROGRAM, "%s is not a method of %s": BY_PROGRAM,
    "the body must come as application/json": BY_PROGRAM, "the body is no JSON object": BY_PROGRAM, "it is something else": BY_PROGRAM,
    "a token is no password": BY_PROGRAM, "this token is worth nothing": BY_PROGRAM, "a token never gets whole numbers": BY_PROGRAM,
    "the control socket has no sessions": BY_PROGRAM, "this is for who has logged in": BY_PROGRAM, "there is no such token": BY_PROGRAM,
    "there is no token": BY_PROGRAM,
    "Redis is ready": NO_SENTENCE, "default-src 'none'": NO_SENTENCE, "its time has come": NO_SENTENCE, "one message to %s": NO_SENTENCE,
    "wo ai ni": NO_SENTENCE, "a hash must fit": NO_SENTENCE, "the sender is in no campaign": NO_SENTENCE, "the text is fine": NO_SENTENCE,
    "on_ambiguous = resend: ": NO_SENTENCE, "(more of this hour": NO_SENTENCE, "t by src": NO_SENTENCE, "c a k fen": NO_SENTENCE,
    "p fen qty": NO_SENTENCE, "nobody decided as long as": NO_SENTENCE,
    "file must be the id of a campaign": BY_PAGE, "only must be temporary or rejected": BY_PAGE, "step is 5, 10": BY_PAGE,
    'at is "%s", not a number': BY_PAGE, "too many fields in one call": BY_PAGE, "fields must be an object": BY_PAGE,
    'there is no field "': BY_PAGE, "pledge must be an object": BY_PAGE, '"%.40s" is no key of [pledge]': BY_PAGE,
    "before is the id of a line": BY_PAGE, "a mobile number stands in no address": BY_PAGE, "Idempotency-Key is a text": BY_PAGE,
    'there is no state "%s"': BY_PAGE,
    "%s takes no %.64s": BY_PAGE, "%s must be from 1": BY_PAGE, "there is no such step": BY_PAGE, "an area has 12 digits here": BY_PAGE,
    "a day is written yyyymmdd": BY_PAGE, "an entry needs a request id": BY_PAGE, "an order needs a request id": BY_PAGE,
    "an entry has no field": BY_PAGE, " of a user is not changed": BY_PAGE,
    "for is a time such as": BY_OFFICE, "id must be 1 to 64 of": BY_OFFICE, "line %zu of the file is no seal": BY_OFFICE,
    "the file holds no seals": BY_OFFICE, "%s; nothing was sealed": BY_OFFICE, "the new configuration was refused": BY_OFFICE,
    "a transfer goes": BY_OFFICE, "only money and goods": BY_OFFICE, "an activity year": BY_OFFICE, "a period ": BY_OFFICE,
    "this number has not opted out": BY_OFFICE, "entries up to %s are sealed": BY_OFFICE, "this campaign is not to be purged": BY_OFFICE,
    "segments a second; 0: the carrier's": A_SETTING, "pledges of a number in a day": A_SETTING, "; may be empty": A_SETTING,
    "; read again on reload": A_SETTING, "; a change needs a restart": A_SETTING, "the path ": A_SETTING,
    "not an ordinary file": A_SETTING, "money is whole fen": A_SETTING, "1 to 64 of A-Z": A_SETTING, "a URL such as": A_SETTING,
    "a path such as": A_SETTING, "a secret stands in the INI": A_SETTING, "yes or no": A_SETTING, "bytes such as": A_SETTING,
    "an offset from": A_SETTING,
    "the whole country": A_PART, " (did you mean": A_PART, " (only class notice": A_PART, "the columns of the table are: ": A_PART,
    " and divide the columns with commas": A_PART, "a value that the text uses": A_PART, "an Excel workbook": A_PART,
    "among keywords, too": A_PART, " (a comment behind a value": A_PART, "without a number": A_PART, "changed it last": A_PART,
    "asked for the approval": A_PART, " (column %zu); rename": A_PART, "being thrown away": A_PART,
    "the row holds bytes that are not": BY_ROW, "%s is empty and the text needs it": BY_ROW, "a formula of the spreadsheet": BY_ROW,
    "the finished text has": BY_ROW, "no exact amount; write it such as": BY_ROW, "row %lld is the same": BY_ROW,
    "a cell is not in the file's encoding": BY_ROW, "neither an amount nor a quantity": BY_ROW, "an amount and a quantity; a row": BY_ROW,
    "goods and service have a quantity": BY_ROW, "cash and purchases have an amount": BY_ROW,
}


def literals(text, is_lua):
    """[(offset, string)] of C or Lua without comments. What is put together, by the compiler or by .., is one; "%s" stands for a value."""
    if is_lua:
        one, value = r"'(?:[^'\\\n]|\\.)*'", r"\w[\w.]*(?:\[[^\]']*\])*(?:\((?:[^()']|\([^()']*\))*\))?"
        chain = rf"(?:{one})(?:\s*\.\.\s*(?:{one}|{value}))*"
    else:
        one, value = r'"(?:[^"\\\n]|\\.)*"', r"PRI\w+"
        chain = rf"{one}(?:\s*(?:{one}|{value}))*"
    return [(m.start(), "".join(part[1:-1] if part[0] in "'\"" else "%s" if is_lua else "u" for part in re.findall(rf"{one}|{value}", m[0])))
            for m in re.finditer(chain, text)]


CONVERSION = re.compile(r"%[-+0#]*(?:\*|\d+)?(?:\.(?:\*|\d+))?(?:hh|h|ll|l|z|j|t)?[a-zA-Z]")
WORD = re.compile(r"[(\"'`]*[A-Za-z][a-z'-]*[,.:;)\"'`?!]*")


def is_prose(text):
    """Three English words, and neither a line of the log nor bytes of a protocol."""
    if re.search(r"event=|charset=|^# |^event: |^\n", text):
        return False
    return sum(bool(WORD.fullmatch(word)) for word in CONVERSION.sub(" ", text).split()) >= 3


def unescaped(text):
    return re.sub(r"\\(.)", lambda m: {"n": "\n", "t": "\t", "r": "\r"}.get(m[1], m[1]), text)


def said(texts):
    """[(room, file, line, sentence)]: prose of the rooms whose sentences may stand on a page. Not what stands behind a word or a
    code that a page puts into words itself: "landline", "a landline number cannot …"."""
    found = []
    for room in ROOMS:
        for path in sources("*.c", "*.lua", under=f"daemon/{room}"):
            if f"{room}/{path.name}" in ELSEWHERE:
                continue
            is_lua = path.suffix == ".lua"
            text = path.read_text(encoding="utf-8")
            text = re.sub(r"--[^\n]*", "", text) if is_lua else without_comments(text)
            for at, one in literals(text, is_lua):
                word = re.search(r'"(\w+)",\s*$', text[max(0, at - 200):at])
                if is_prose(one) and not (word and (f"problem.{word[1]}" in texts or f"blocked.{word[1]}" in texts)):
                    found.append((room, short(path), line_of(text, at), unescaped(one)))
    return found


# ---- what is worded ----

VALUE = re.compile(r"\{(\w+)\}")


def table():
    """[(file, pattern, key)] of sentences/*.js."""
    rows = []
    for path in sorted(TABLES.glob("*.js")):
        text = path.read_text(encoding="utf-8")
        found = re.findall(r"""^    \[(?:'((?:[^'\\]|\\.)+)'|"([^"]+)"), '([\w.]+)'\],$""", text, re.M)
        assert len(found) == text.count("\n    ["), f"{short(path)}: a row is not understood"
        rows += [(short(path), (a or b).replace("\\'", "'"), key) for a, b, key in found]
    assert len(rows) > 300
    return rows


def pieces(pattern):
    """What stands in it beside its values."""
    return [piece for piece in VALUE.split(re.sub(r"^\^|\$$", "", pattern))[::2] if piece]


# As lib/sentences.js has them.
SHAPES = {"field": r"[\w.]+", "id": r"\S+", "word": r"\S+"}


def compiled(pattern):
    """As lib/sentences.js compiles it, but that a value at an open end may be anything."""
    source = "".join(SHAPES.get(piece, ".+?") if i % 2 else re.escape(piece) for i, piece in enumerate(VALUE.split(re.sub(r"^\^|\$$", "", pattern))))
    return re.compile(("^" if pattern.startswith("^") else "") + source + ("$" if pattern.endswith(("$", "{why}")) else ""), re.S | re.I)


def chinese():
    return json.loads((CONSOLE / "i18n" / "zh-CN.json").read_text(encoding="utf-8"))


def worded(sentence, regexps, whole):
    """It fits a pattern; or it is a part of what is put together elsewhere, and a pattern holds the part."""
    sample = CONVERSION.sub("x1", sentence).replace("%%", "%")
    parts = [part.strip() for part in CONVERSION.split(sentence.replace("%%", "%")) if part.strip()]
    return any(regexp.search(sample) for regexp in regexps) or all(part in whole for part in parts)


def test_each_sentence_has_a_wording_or_a_reason():
    patterns = [pattern for _, pattern, _ in table()]
    regexps, whole = [compiled(pattern) for pattern in patterns], "\n".join(patterns)
    sentences = said(chinese())
    for room, least in ROOMS.items():
        n = sum(one[0] == room for one in sentences)
        assert n >= least, f"only {n} sentences are found in {room}"
    missing, used = [], set()
    for _, file, line, sentence in sentences:
        reason = next((start for start in NEVER if sentence.startswith(start)), None)
        if worded(sentence, regexps, whole):
            continue
        if reason is None:
            missing.append(f"{file}:{line}: neither a wording (daemon/console/lib/sentences) nor a reason (NEVER) for: {sentence}")
        used.add(reason)
    problems(missing + [f"NEVER: nobody says, or it has a wording: {start}" for start in NEVER if start not in used])


def test_files_that_are_left_out_exist():
    problems(f"ELSEWHERE: there is no daemon/{name}" for name in ELSEWHERE if not (DAEMON / name).is_file())


def spoken():
    """All that the daemon says: the literals of its sources, put together as the compiler does."""
    text = "".join(path.read_text(encoding="utf-8") for path in sources("*.c", "*.h", "*.lua"))
    return re.sub(r'"\s*\n\s*"', "", text).replace('\\"', '"')


def test_each_wording_is_of_something_that_is_said():
    texts, source = chinese(), spoken()
    problems([f"{file}: no text {key}" for file, _, key in table() if key not in texts] +
             [f"{file}: the daemon never says: {piece}" for file, pattern, _ in table() for piece in pieces(pattern) if piece not in source])


def test_each_word_of_the_carrier_has_a_wording():
    text = (DAEMON / "carrier" / "cloudmas.c").read_text(encoding="utf-8")
    words = re.findall(r'\{"(\w+)", OUTCOME_(?!ACCEPTED)', text)
    assert len(words) > 35
    problems(f"zh-CN.json: no carrier_word.{word}" for word in words if f"carrier_word.{word}" not in chinese())


def test_each_code_of_an_error_has_a_wording():
    found = set()
    for path in sources("*.c", under="daemon/api"):
        text = without_comments(path.read_text(encoding="utf-8"))
        found |= {(short(path), code) for call in re.findall(r"apicall_error\(\s*[\w>-]+,[^;]*?,\s*([^;]*?),", text) for code in re.findall(r'"(\w+)"', call)}
        found |= {(short(path), code) for code in re.findall(r'\[ERR_\w+\] = \{\d+, "(\w+)"\}', text)}
    assert len(found) > 60
    problems(f"{file}: no text error.{code}" for file, code in sorted(found) if f"error.{code}" not in chinese())


def test_rules_find_what_they_should():
    c = 'refuse("the text " /* a */\n "is %" PRIu64 " too long"); log("event=x this is a line");'
    assert [one for _, one in literals(without_comments(c), False)][0] == "the text is %u too long"
    lua = "return no('state', 'pledge ' .. p.no .. ': ' .. amount(p.k, p.un, p[row[1]]) .. ' is more than is open (' ..\n int(x) .. ')')"
    assert [one for _, one in literals(lua, True)][1] == "pledge %s: %s is more than is open (%s)"
    assert is_prose("the text is long") and not is_prose("event=a b c d") and not is_prose("draft change")
    assert compiled("^pledge {number}: {why}").search("pledge 1: it is void") and not compiled("^void$").search("a void")
