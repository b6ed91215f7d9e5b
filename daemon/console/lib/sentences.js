/* What the daemon says in English sentences, in the reader's language. A sentence that is not known here stays as it is.
 *
 * A pattern is a piece of the daemon's own source with a {name} for each value; it may stand anywhere in what is said.
 * tests/lint/test_console.py looks each of them up there, so that none goes stale. */
import {t} from './i18n.js';

const SENTENCES = [
    // the text
    ['the text is not UTF-8; save the file', 'said.utf8'],
    ['the text holds half of a character', 'said.half'],
    ['the text holds a control character', 'said.control'],
    ['the text holds 【 or 】', 'said.brackets'],
    ['the text is empty', 'said.empty'],
    ['the text has {n} characters with signature and opt-out wording, {segments} segments; max_segments is {most}', 'said.long'],
    ['publicity must say how to refuse it', 'said.optout'],
    ['stands in the text already, and would be said twice', 'said.twice'],
    ['has digits alone, which carriers refuse to register', 'said.digits'],
    // its times and the rest
    ['is not after start', 'said.end'],
    ['never opens between start and end', 'said.window'],
    ['publicity outside 08:00-22:00', 'said.night'],
    ['there is no [carrier {name}] in ', 'said.no_carrier'],
    ["is more than the carrier's {n} segments a second", 'said.rate'],
    ['must not be empty', 'said.must'],
    ['must have {least} to {most} characters, and has {n}', 'said.length'],
    ['must have at most {most} characters, and has {n}', 'said.at_most'],
    ['must be a whole number from {least} to {most}', 'said.whole'],
    // the plan
    ['the definition is not complete yet', 'said.incomplete'],
    ['who has opted out could not be asked', 'said.optouts'],
    ['at this rate and window it is not through before its end', 'said.too_slow'],
    ['nobody is left to send to', 'said.nobody'],
    ['more than a tenth of the rows have a mistake', 'said.wrong_list'],
    ['too many lists are checked just now', 'said.busy'],
    ['somebody writes to the list just now', 'said.writing'],
    // the launch
    ['the area is in trial and row {row} (', 'said.trial_row'],
    ['the area is in trial: only a carrier that leads to a simulator', 'said.trial_carrier'],
    ['the area is in trial: this is not one of its own numbers', 'said.trial_number'],
    [' of {daily} messages are left for today', 'said.allowance'],
    ['its end {end} has passed, or its window does not open again', 'said.over'],
    ['its start {start} is more than {late} ago', 'said.late'],
    ['there is nobody to send to: every row', 'said.nobody'],
    ['{expected} recipients were expected, but {accepted} are accepted', 'said.other_number'],
    ['the same text to the same list is being launched right now as {id}', 'said.twin'],
    ['the same text went to the same list as campaign {id} (carrier {carrier}, launched {when}): ', 'said.repeat'],
    ['Redis is not reachable, nothing was launched', 'said.redis'],
    ['the daemon is stopping', 'said.stopping'],
    ['so many people must be approved by a second person', 'said.approval'],
    ['people: a second person must approve it', 'said.approval_day'],
    ['a second person must approve: ', 'said.second'],
    ['were changed after the approval', 'said.changed'],
    ['nobody has asked for an approval', 'said.not_asked'],
    ['it is approved already', 'said.approved'],
    ['text or list were changed ', 'said.stale'],
];

const compiled = SENTENCES.map(([pattern, key]) => [new RegExp(pattern.split(/(\{\w+\})/).filter(Boolean).map((part, i, all) => {
    const name = /^\{(\w+)\}$/.exec(part)?.[1];
    return name ? `(?<${name}>${i === 0 || i === all.length - 1 ? '\\S+' : '.+?'})` : part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}).join('')), key]);

/* null: it is none of these. */
export function known(sentence) {
    for (const [pattern, key] of compiled) {
        const found = pattern.exec(sentence ?? '');
        if (found) {
            return t(key, {...found.groups});
        }
    }
    return null;
}

export function said(sentence) {
    return known(sentence) ?? sentence;
}
