/* The handlers of the route table. Each answers its call exactly once, now or later. */
#pragma once

struct apicall;

void handle_status(struct apicall *call);
void handle_reload(struct apicall *call);

void handle_campaign_list(struct apicall *call);
void handle_campaign_show(struct apicall *call);
void handle_campaign_launch(struct apicall *call);
void handle_campaign_test(struct apicall *call);
void handle_campaign_pause(struct apicall *call);
void handle_campaign_resume(struct apicall *call);
void handle_campaign_cancel(struct apicall *call);
void handle_campaign_resolve(struct apicall *call);
void handle_campaign_resend(struct apicall *call);
void handle_campaign_report(struct apicall *call);

void handle_recipients_lookup(struct apicall *call);
void handle_optout_page(struct apicall *call);
void handle_optout_add(struct apicall *call);
void handle_optout_remove(struct apicall *call);
void handle_optout_check(struct apicall *call);

void handle_carrier_list(struct apicall *call);
void handle_carrier_pause(struct apicall *call);
void handle_carrier_resume(struct apicall *call);
