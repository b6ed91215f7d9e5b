/* Which campaigns the reader looked at last: filter and search stand in the address of the list, and every way back leads there. */
import {session} from './session.js';

const PLACE = '#/campaigns';
let last = {user: null, address: PLACE};

/* `asked`: the query of the list that is shown now. */
export function keepList(asked) {
    last = {user: session().user, address: asked.size > 0 ? `${PLACE}?${asked}` : PLACE};
    if (location.hash !== last.address) {
        history.replaceState(null, '', last.address);
    }
}

export function listAddress() {
    return last.user === session().user ? last.address : PLACE;
}
