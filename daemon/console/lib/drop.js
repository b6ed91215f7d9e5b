/* A place for a file: drop it, or choose it with the keyboard. A real file input with a label, so nothing of it is lost to
 * those who do not drag. */
import {h} from './dom.js';
import {t} from './i18n.js';

export function dropZone({id, label, hint, accept, onFile, disabled = false}) {
    const input = h('input', {type: 'file', class: 'form-control', id, accept, disabled, 'aria-describedby': `${id}-hint`});
    input.addEventListener('change', () => {
        if (input.files.length > 0) {
            onFile(input.files[0]);
        }
        input.value = ''; // the same file again, mended, is a change too
    });
    const zone = h('div', {class: 'drop border border-2 rounded p-3 p-md-4 text-center'},
        h('label', {class: 'form-label fw-semibold', for: id}, label), input,
        h('div', {class: 'form-text', id: `${id}-hint`}, hint));
    const over = (event) => {
        event.preventDefault();
        zone.classList.toggle('drop-over', !disabled && event.type !== 'dragleave');
    };
    zone.addEventListener('dragover', over);
    zone.addEventListener('dragenter', over);
    zone.addEventListener('dragleave', over);
    zone.addEventListener('drop', (event) => {
        event.preventDefault();
        zone.classList.remove('drop-over');
        if (!disabled && event.dataTransfer.files.length > 0) {
            onFile(event.dataTransfer.files[0]);
        }
    });
    return zone;
}

export function uploadBar() {
    const part = h('div', {class: 'progress-bar'});
    const bar = h('div', {class: 'progress my-2', role: 'progressbar', 'aria-label': t('drop.progress'), 'aria-valuemin': '0', 'aria-valuemax': '100'}, part);
    const words = h('div', {class: 'small', role: 'status'});
    return {
        element: h('div', {}, bar, words),
        set(sent, all) {
            const share = all > 0 ? Math.floor((100 * sent) / all) : 0;
            bar.setAttribute('aria-valuenow', String(share));
            part.style.width = `${share}%`;
            words.textContent = t('drop.sent', {share});
        },
        say(text) {
            words.textContent = text;
        },
    };
}
