/* One campaign by its id: a draft is edited, one that was launched is watched. "new" makes a draft. */
import * as api from '../lib/api.js';
import {showError} from '../lib/notice.js';

export async function show(main, params) {
    try {
        if (params.id === 'new') {
            return (await import('../draft/create.js')).show(main);
        }
        const campaign = await api.get(`/campaigns/${encodeURIComponent(params.id)}`);
        const page = campaign.state === 'draft' ? '../draft/draft.js' : '../draft/progress.js';
        return (await import(page)).show(main, params.id, campaign, params.query);
    } catch (error) {
        showError(main, error);
        return undefined;
    }
}
