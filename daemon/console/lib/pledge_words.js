/* Amounts and states of pledges, as people read them. */
import {h} from './dom.js';
import {yuan} from './format.js';
import {t} from './i18n.js';

const STATES = {
    unconfirmed: ['?', 'warning'], pledged: ['○', 'primary'], 'part-arrived': ['◐', 'info'], arrived: ['●', 'success'],
    delivered: ['✓', 'success'], withdrawn: ['✕', 'secondary'], lapsed: ['!', 'danger'], void: ['✕', 'secondary'],
    waived: ['–', 'secondary'], transferred: ['→', 'secondary'],
};
export const STATE_NAMES = Object.keys(STATES);
export const KINDS = ['cash', 'goods', 'purchase', 'service'];

export function pledgeBadge(state) {
    const [sign, tone] = STATES[state] ?? ['?', 'secondary'];
    return h('span', {class: `badge state text-bg-${tone}`}, h('span', {'aria-hidden': 'true'}, `${sign} `), t(`pledge.state_${state}`));
}

export function isMoney(pledge) {
    return pledge.kind === 'cash' || pledge.kind === 'purchase';
}

/* `which`: pledged, arrived, delivered, waived, moved, rest. */
export function amountOf(pledge, which) {
    return isMoney(pledge) ? yuan(pledge.fen?.[which] ?? 0) : `${pledge.quantity?.[which] ?? 0} ${pledge.unit ?? ''}`;
}

export function isZero(pledge, which) {
    return Number((isMoney(pledge) ? pledge.fen : pledge.quantity)?.[which] ?? 0) === 0;
}

/* What is given: "¥100.00", "大米 20 袋". */
export function givenOf(pledge) {
    return isMoney(pledge) ? amountOf(pledge, 'pledged') : `${pledge.item ?? t(`pledge.kind_${pledge.kind}`)} ${amountOf(pledge, 'pledged')}`;
}

export function entryAmount(entry, pledge) {
    if (entry.fen !== undefined) {
        return yuan(entry.fen);
    }
    return entry.quantity !== undefined ? `${entry.quantity} ${entry.unit ?? pledge.unit ?? ''}` : '';
}

/* An id of one request: given again after a lost answer, it is booked once. */
export function requestId() {
    return `console-${Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}
