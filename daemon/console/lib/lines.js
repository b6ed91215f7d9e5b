/* A streamed answer of JSON lines, read as it arrives: a report of 100 000 people never stands in memory whole. */
import * as api from './api.js';

export async function eachLine(path, onLine, signal) {
    let answer = await open(path, signal);
    if (answer.status === 403 && (await refusal(answer.clone())).code === 'confirm' && await api.confirmNow()) {
        answer = await open(path, signal);
    }
    if (!answer.ok) {
        throw await refusal(answer);
    }
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = '';
    for (;;) {
        const {done, value} = await reader.read();
        const lines = (rest + (value ?? '')).split('\n');
        rest = done ? '' : lines.pop();
        for (const line of lines) {
            if (line !== '') {
                onLine(JSON.parse(line));
            }
        }
        if (done) {
            return;
        }
    }
}

function open(path, signal) {
    return fetch(`/api/v1${path}`, {credentials: 'same-origin', cache: 'no-store', signal});
}

async function refusal(answer) {
    return new api.ApiError(answer.status, await answer.json().catch(() => null));
}
