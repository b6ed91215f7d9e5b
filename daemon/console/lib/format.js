/* Figures as people write them. Money comes as whole fen, times as RFC 3339 in the daemon's local time, which is shown as
 * it is: a clerk in Chengdu and a browser set to another zone see the same hour. */
import {currentLanguage, t} from './i18n.js';

/* Making a formatter takes a hundred times as long as using it, and a table has ten thousand figures. */
const formatters = new Map();

function formatter(digits) {
    const key = `${currentLanguage()} ${digits}`;
    if (!formatters.has(key)) {
        formatters.set(key, new Intl.NumberFormat(currentLanguage(),
            digits === null ? {} : {minimumFractionDigits: digits, maximumFractionDigits: digits}));
    }
    return formatters.get(key);
}

export function count(n) {
    return n === null || n === undefined ? '–' : formatter(null).format(n);
}

function decimal(value, digits) {
    return formatter(digits).format(value);
}

/* "1,234.50 元" */
export function yuan(fen) {
    return fen === null || fen === undefined ? '–' : t('format.yuan', {n: decimal(fen / 100, 2)});
}

/* Shorter, for big figures: whole yuan, from ten million 万元 and from ten billion 亿元 (rounded down: never more than there is). */
export function yuanShort(fen) {
    const whole = Math.trunc(fen / 100);
    if (currentLanguage() !== 'zh-CN' || Math.abs(whole) < 1e7) {
        return t('format.yuan', {n: count(whole)});
    }
    return Math.abs(whole) < 1e10 ? t('format.wan', {n: decimal(Math.trunc(whole / 1e2) / 1e2, 2)}) :
        t('format.yi', {n: decimal(Math.trunc(whole / 1e6) / 1e2, 2)});
}

/* For the axis of a chart: "300 万", "¥3M". */
export function yuanAxis(fen) {
    const whole = fen / 100;
    if (currentLanguage() === 'zh-CN') {
        return Math.abs(whole) >= 1e4 ? t('format.wan_axis', {n: new Intl.NumberFormat('zh-CN', {maximumFractionDigits: 2}).format(whole / 1e4)}) : count(whole);
    }
    return `¥${new Intl.NumberFormat('en', {notation: 'compact'}).format(whole)}`;
}

/* "2026-10-17 09:00"; null gives "–". */
export function time(text) {
    return text ? text.slice(0, 16).replace('T', ' ') : '–';
}

export function timeExact(text) {
    return text ? text.slice(0, 19).replace('T', ' ') : '–';
}

export function day(text) {
    return text ? text.slice(0, 10) : '–';
}

/* "3 小时 5 分": two units are enough to plan with. */
export function duration(seconds) {
    if (seconds === null || seconds === undefined) {
        return '–';
    }
    const s = Math.max(0, Math.round(seconds));
    const days = Math.floor(s / 86400), hours = Math.floor((s % 86400) / 3600), minutes = Math.floor((s % 3600) / 60);
    if (days > 0) {
        return t('format.days', {d: days, h: hours});
    }
    if (hours > 0) {
        return t('format.hours', {h: hours, m: minutes});
    }
    return minutes > 0 ? t('format.minutes', {m: minutes, s: s % 60}) : t('format.seconds', {s});
}

/* part of all, rounded down to a tenth: 100 % is said of all only. */
export function percent(part, all) {
    return all > 0 ? `${decimal(Math.floor((1000 * part) / all) / 10, 1)}%` : '–';
}
