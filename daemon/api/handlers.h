/* The handlers of the route table. Each answers its call exactly once, now or later. */
#pragma once

struct call;

void handle_status(struct call *call);
void handle_reload(struct call *call);

void handle_campaign_list(struct call *call);
void handle_campaign_show(struct call *call);
void handle_campaign_launch(struct call *call);
void handle_campaign_test(struct call *call);
void handle_campaign_pause(struct call *call);
void handle_campaign_resume(struct call *call);
void handle_campaign_cancel(struct call *call);
void handle_campaign_resolve(struct call *call);
void handle_campaign_resend(struct call *call);
void handle_campaign_report(struct call *call);

void handle_recipients_lookup(struct call *call);
void handle_optout_page(struct call *call);
void handle_optout_add(struct call *call);
void handle_optout_remove(struct call *call);
void handle_optout_check(struct call *call);

void handle_carrier_list(struct call *call);
void handle_carrier_pause(struct call *call);
void handle_carrier_resume(struct call *call);
