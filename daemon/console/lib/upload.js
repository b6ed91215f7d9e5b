/* A file to the daemon in parts, so that 100 000 rows come through a bad line: a part that was lost is sent again, and the
 * daemon says where to go on. */
import * as api from './api.js';

const TRIES = 5;
const WAIT_MS = 1000;

/* path gives the address of a part: path({at, last}). onProgress(bytes sent, bytes in all). Gives the answer to the last part. */
export async function upload(file, partBytes, path, onProgress) {
    let at = 0, tries = 0, answer = null;
    for (;;) {
        const end = Math.min(at + partBytes, file.size);
        const last = end === file.size;
        onProgress(at, file.size);
        try {
            answer = await api.put(path({at, last}), file.slice(at, end));
            at = end;
            tries = 0;
            if (last) {
                onProgress(file.size, file.size);
                return answer;
            }
        } catch (error) {
            const expected = error.body?.error?.at ?? error.body?.at;
            if (error.status === 409 && Number.isInteger(expected) && expected !== at && expected <= file.size && tries++ < TRIES) {
                at = expected;
            } else if ((error.status === undefined || error.status === 0 || error.status === 503) && tries++ < TRIES) {
                await new Promise((resolve) => setTimeout(resolve, WAIT_MS * tries));
            } else {
                throw error;
            }
        }
    }
}
