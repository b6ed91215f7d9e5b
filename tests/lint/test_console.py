"""The console's texts: both languages have the same keys with the same parameters, and every key that is used is there."""
import json
import re

from house import DAEMON, TOP, problems, short

CONSOLE = DAEMON / "console"
LANGUAGES = ("zh-CN", "en")
LITERAL = re.compile(r"""\b(?:t|has|parts)\(\s*(['"])([\w.]+)\1""")
# t(`state.${state}`) needs some key that begins and ends like this.
PATTERN = re.compile(r"\b(?:t|has|parts)\(\s*`([^`]*)`")


def texts(language):
    pairs = json.loads((CONSOLE / "i18n" / f"{language}.json").read_text(encoding="utf-8"), object_pairs_hook=list)
    names = [name for name, _ in pairs]
    assert len(names) == len(set(names)), f"{language}: a key twice: {sorted(n for n in names if names.count(n) > 1)}"
    return dict(pairs)


def scripts():
    return sorted(CONSOLE.rglob("*.js"))


def used_keys(text):
    """(literal keys, patterns of keys) of a script."""
    literal = {key for _, key in LITERAL.findall(text)}
    patterns = [re.compile("".join(r"[\w.-]+" if part.startswith("${") else re.escape(part)
                                   for part in re.split(r"(\$\{[^}]*\})", one) if part)) for one in PATTERN.findall(text)]
    return literal, patterns


# What the daemon and the carriers say: English sentences, which need no English wording (lib/sentences.js).
SAID = ("said.", "carrier_word.")


def test_both_languages_have_the_same_keys():
    chinese, english = (set(texts(language)) for language in LANGUAGES)
    problems([f"only in zh-CN.json: {key}" for key in sorted(chinese - english) if not key.startswith(SAID)] +
             [f"only in en.json: {key}" for key in sorted(english - chinese)])


def test_both_languages_take_the_same_parameters():
    chinese, english = (texts(language) for language in LANGUAGES)
    problems(f"{key}: {{…}} differ" for key in sorted(chinese.keys() & english.keys())
             if set(re.findall(r"\{(\w+)\}", chinese[key])) != set(re.findall(r"\{(\w+)\}", english[key])))


# {n|row|rows}: the word that goes with a number.
PLURAL = re.compile(r"\{(\w+)\|[^{}|]+\|[^{}|]+\}")
COUNTED = re.compile(r"\{\w+\} (acts|areas|campaigns|characters|chunks|entries|lines|messages|people|pledges|replies|reports|rows|seals|segments|things|users)\b")


def test_english_counts_one_thing_as_one():
    english = texts("en")
    assert COUNTED.search("{n} rows") and not COUNTED.search("{n} {n|row|rows}") and PLURAL.fullmatch("{n|row|rows}")
    problems([f"{key}: say {{n|…|…}}, there may be one: {found[0]}" for key, text in english.items() if (found := COUNTED.search(text))] +
             [f"{key}: no parameter {name}" for key, text in english.items() for name in PLURAL.findall(text) if f"{{{name}}}" not in text] +
             [f"{key}: {found[0]} is neither a parameter nor a plural" for key, text in english.items()
              if (found := re.search(r"\{[^{}]*\}", PLURAL.sub("", re.sub(r"\{\w+\}", "", text))))])


def test_every_key_that_is_used_exists():
    known, found = texts(LANGUAGES[0]), []
    for path in scripts():
        literal, patterns = used_keys(path.read_text(encoding="utf-8"))
        found += [f"{short(path)}: no text {key}" for key in sorted(literal - known.keys())]
        found += [f"{short(path)}: no text like {one.pattern}" for one in patterns if not any(one.fullmatch(key) for key in known)]
    problems(found)


def told_acts():
    """What a line of the audit may be called: the routes that change something, and the daemon's own words for an effect."""
    routes = re.findall(r'^    {"(POST|PUT|DELETE)", "(/api/v1/[^"]+)", \w+, ([^"]+), "', (DAEMON / "api" / "routes.c").read_text(encoding="utf-8"), re.M)
    acts = {f"{method} {path}" for method, path, flags in routes if "ROUTE_QUIET" not in flags}
    assert len(acts) > 40
    words = {  # where the daemon says them
        "api/campaigns.c": r'is_resend \? "(\w+)" : "(\w+)"|audit\(call->api, actor, "(\w+)"',
        "api/backup.c": r'audit\(call, "(\w+)"',
        "api/*.c": r'(?:drafts_audit\([^";]*|mask_settle\(call, \w+, )"([\w ]+)"',
        "dispatch/trial.c": r'\.act = "(\w+)"',
        "store/queue_people.c": r'\[ACT_\w+\] = "(\w+)"|{"\w+", "(resolve \w+)"}',
        "store/status.c": r'"(carrier \w+)"',
        "store/optout.c": r'call_audit\([^";]*"([\w ]+)"',
    }
    for pattern, rule in words.items():
        found = [word for path in sorted(DAEMON.glob(pattern)) for groups in re.findall(rule, path.read_text(encoding="utf-8"))
                 for word in ([groups] if isinstance(groups, str) else groups) if word]
        assert found, f"{pattern}: no act in words"
        acts |= set(found)
    return acts


def test_every_act_of_the_audit_has_words():
    rows = dict(re.findall(r"^    \['([^']+)', '(act\.\w+)'\],$", (CONSOLE / "lib" / "acts.js").read_text(encoding="utf-8"), re.M))
    acts, known = told_acts(), texts(LANGUAGES[0])
    problems([f"no words for the act {act}" for act in sorted(acts - rows.keys())] +
             [f"nobody does {act}" for act in sorted(rows.keys() - acts)] +
             [f"no text {key}" for key in rows.values() if key not in known])


def test_rule_finds_keys():
    literal, patterns = used_keys("t('a.b', {x: 1}); t(`state.${s}`); has('c'); format('no')")
    assert literal == {"a.b", "c"}
    assert [bool(p.fullmatch("state.done")) for p in patterns] == [True]
    assert TOP.is_dir()


def exported(text):
    """The names a module gives."""
    return set(re.findall(r"^export (?:async )?(?:function\*?|class) (\w+)", text, re.M)) | {
        name for line in re.findall(r"^export const (.*)", text, re.M) for name in re.findall(r"(?:^|, )(\w+) = ", line)}


def test_every_name_that_is_imported_is_exported():
    found, n = [], 0
    for path in scripts():
        for names, file in re.findall(r"^import \{([^}]*)\} from '(\.[^']+)';$", path.read_text(encoding="utf-8"), re.M):
            given = exported((path.parent / file).read_text(encoding="utf-8"))
            wanted = {name.split(" as ")[0].strip() for name in names.split(",")}
            n += len(wanted)
            found += [f"{short(path)}: {file} has no {name}" for name in sorted(wanted - given)]
    assert n > 100
    problems(found)
