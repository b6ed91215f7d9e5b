/* What an area in trial refuses of a list: said beside the plan, before anybody presses a button. */
import {h} from '../lib/dom.js';
import {count} from '../lib/format.js';
import {t} from '../lib/i18n.js';

/* null for an area that is live. */
export function trialBox({trial, accepted}) {
    if (!trial) {
        return null;
    }
    const allowance = h('div', {class: 'small mt-1'}, t('trial.allowance', {left: count(trial.left_today), daily: count(trial.daily), own: count(trial.own_numbers)}));
    if (trial.refusals.length === 0) {
        return h('div', {class: 'alert alert-info py-2', id: 'trial-box'}, t('trial.fine'), allowance);
    }
    const words = {n: count(trial.others), row: trial.first_row ?? '', people: count(accepted), left: count(trial.left_today), daily: count(trial.daily)};
    return h('div', {class: 'alert alert-danger', id: 'trial-box'}, h('strong', {}, t('trial.refused')),
        h('ul', {class: 'mb-0'}, trial.refusals.map((one) => h('li', {}, t(`trial.${one}`, words)))), allowance);
}
