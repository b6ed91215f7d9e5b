/* The name of an area beside its code; asked once and kept. */
import * as api from './api.js';

const names = new Map();

export async function regionName(code) {
    if (!code || code === '0') {
        return '';
    }
    if (!names.has(code)) {
        names.set(code, api.get(`/totals?region=${encodeURIComponent(code)}`).then((totals) => totals.name ?? '', () => ''));
    }
    return names.get(code);
}

/* Fills the name in when it is known. */
export function showRegion(element, code) {
    element.textContent = code;
    regionName(code).then((name) => {
        element.textContent = name ? `${name} ${code}` : code;
    });
    return element;
}
