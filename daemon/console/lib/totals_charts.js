/* The two charts of the totals page and the wall: by area, and over the day. */
import {COLOURS} from './chart.js';
import {yuanAxis, yuanShort} from './format.js';
import {t} from './i18n.js';
import {biggest} from './totals.js';

/* The name of a row: an area without a name shows its code; what was booked at the area itself says so. */
export function rowName(row) {
    return row.is_direct ? t('totals.direct') : row.name || row.region;
}

export function barConfig(children, n, size, colour = '#212529') {
    const {shown} = biggest(children, n);
    const set = (name) => ({label: t(`totals.${name}`), data: shown.map((one) => one[name] / 100), backgroundColor: COLOURS[name], maxBarThickness: size * 2});
    const font = {size};
    return {
        type: 'bar',
        data: {labels: shown.map((one) => rowName(one.row)), datasets: [set('pledged'), set('arrived')]},
        options: {
            indexAxis: 'y', animation: false, maintainAspectRatio: false, color: colour,
            scales: {x: {beginAtZero: true, ticks: {font, color: colour, maxTicksLimit: 5, maxRotation: 0, callback: (value) => yuanAxis(value * 100)}},
                y: {ticks: {font, color: colour, autoSkip: false}}},
            plugins: {legend: {labels: {font, color: colour, boxHeight: size * 0.7}}, tooltip: {callbacks: {label: (item) => `${item.dataset.label} ${yuanShort(item.raw * 100)}`}}},
        },
    };
}

export function lineConfig(day, size, colour = '#212529') {
    const font = {size};
    const set = (name, dash) => ({label: t(`totals.${name}`), data: day.points.map((point) => point[`${name}_fen`] / 100), borderColor: COLOURS[name],
        borderDash: dash, borderWidth: size / 5, pointRadius: 0, stepped: true});
    return {
        type: 'line',
        data: {labels: day.points.map((point) => point.at.slice(11, 16)), datasets: [set('pledged', []), set('arrived', [8, 5])]},
        options: {
            animation: false, maintainAspectRatio: false, color: colour,
            scales: {x: {ticks: {font, color: colour, maxTicksLimit: 5, maxRotation: 0}},
                y: {beginAtZero: true, ticks: {font, color: colour, maxTicksLimit: 5, maxRotation: 0, callback: (value) => yuanAxis(value * 100)}}},
            plugins: {legend: {labels: {font, color: colour, boxHeight: 0, boxWidth: size * 3}}, tooltip: {callbacks: {label: (item) => `${item.dataset.label} ${yuanShort(item.raw * 100)}`}}},
        },
    };
}
