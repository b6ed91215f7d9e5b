/* The same donor, amount and day once more: mostly a form that was sent in twice, by two clerks or on paper and by telephone. */
import * as api from './api.js';
import {isMoney} from './pledge_words.js';

const LOOKED = 100;
const GONE = ['void', 'withdrawn'];

/* In fen, of what is written with digits only; null: words, which only the daemon reads. */
function fenOf(text) {
    const plain = (text ?? '').replace(/[,，\s¥￥元]/g, '');
    return /^\d+(\.\d{1,2})?$/.test(plain) ? Math.round(Number(plain) * 100) : null;
}

function isSameGift(pledge, values) {
    if (pledge.kind !== values.kind) {
        return false;
    }
    if (!isMoney(pledge)) {
        return pledge.item === values.item && Number(pledge.quantity?.pledged) === Number(values.quantity);
    }
    const fen = fenOf(values.amount);
    return fen === null || pledge.fen?.pledged === fen;
}

/* Pledges that stand and say the same as the form. A donor without name and mobile cannot be told from others. */
export async function standingDoubles(values, region) {
    const text = values.mobile ?? values.name;
    if (text === undefined) {
        return [];
    }
    const {pledges} = await api.post('/pledges/search', {text, limit: LOOKED, ...(region ? {region} : {})});
    return pledges.filter((pledge) => !GONE.includes(pledge.state) && pledge.on === values.on && (values.mobile !== undefined || pledge.name === values.name) &&
        isSameGift(pledge, values));
}
