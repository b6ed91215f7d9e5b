/* Who is logged in. The daemon decides what each may do; this knows only what to offer. */
import * as api from './api.js';

let document_ = null;

/* The session document, or null. */
export function session() {
    return document_;
}

function keep(fresh) {
    document_ = fresh;
    api.configure({csrf: fresh?.csrf ?? null});
    return fresh;
}

/* The area the reader is bound to, '' for everybody's. */
export function ownArea() {
    const area = document_?.area ?? '';
    return area === '0' ? '' : area;
}

export function may(...roles) {
    return (document_?.roles ?? []).some((role) => roles.includes(role));
}

/* Asks the daemon who is logged in; null when nobody is. */
export async function loadSession() {
    try {
        return keep(await api.get('/session', {quiet: true}));
    } catch (error) {
        if (error.status !== 401) {
            throw error;
        }
        return keep(null);
    }
}

export async function login(user, password) {
    return keep(await api.post('/session', {user, password}, {quiet: true}));
}

export async function logout() {
    await api.del('/session', {quiet: true}).catch((error) => {
        if (error.status !== 401) {
            throw error;
        }
    });
    keep(null);
}

export function forgetSession() {
    keep(null);
}
