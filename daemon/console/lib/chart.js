/* Chart.js, loaded when a page first draws. Every chart stands beside a table with the same figures: it is a picture for
 * those who see it, and says so to those who do not. */
import {h} from './dom.js';

/* Dark enough on white for 3:1, apart in lightness too, so that they differ without colour. */
export const COLOURS = {pledged: '#9a1b1e', arrived: '#c9821a', delivered: '#1c5d99', quiet: '#6b747c'};

let loading = null;

function library() {
    loading ??= new Promise((resolve, reject) => {
        const script = h('script', {src: '/console/lib/chart.js/chart.min.js'});
        script.addEventListener('load', () => {
            const {Chart} = window;
            Chart.defaults.animation = false;
            Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
            Chart.defaults.color = '#212529';
            Chart.defaults.maintainAspectRatio = false;
            resolve(Chart);
        });
        script.addEventListener('error', () => {
            loading = null;
            reject(new Error('chart.min.js'));
        });
        document.head.append(script);
    });
    return loading;
}

/* A box with a canvas; update(config) draws, destroy() ends it. What cannot be loaded leaves the box out. */
export function chartBox(label, className = 'chart-box') {
    const canvas = h('canvas', {role: 'img', 'aria-label': label});
    const element = h('div', {class: className}, canvas);
    let chart = null, gone = false;
    return {
        element,
        async update(config) {
            let Chart;
            try {
                Chart = await library();
            } catch {
                element.hidden = true;
                return;
            }
            if (gone) {
                return;
            }
            if (chart === null) {
                chart = new Chart(canvas, config);
            } else {
                chart.data = config.data;
                chart.options = config.options;
                chart.update();
            }
        },
        destroy() {
            gone = true;
            chart?.destroy();
        },
    };
}
