/* The handlers of the route table. Each answers its call exactly once, now or later. */
#pragma once

struct apicall;

void handle_status(struct apicall *call);
void handle_metrics(struct apicall *call);
void handle_reload(struct apicall *call);

void handle_session_show(struct apicall *call);
void handle_session_open(struct apicall *call);
void handle_session_close(struct apicall *call);
void handle_session_confirm(struct apicall *call);
void handle_session_password(struct apicall *call);
void handle_audit_page(struct apicall *call);
void handle_audit_verify(struct apicall *call);
void handle_token_list(struct apicall *call);
void handle_token_add(struct apicall *call);
void handle_token_drop(struct apicall *call);
void handle_user_list(struct apicall *call);
void handle_user_add(struct apicall *call);
void handle_user_change(struct apicall *call);
void handle_user_password(struct apicall *call);

void handle_campaign_list(struct apicall *call);
void handle_campaign_show(struct apicall *call);
void handle_campaign_launch(struct apicall *call);
void handle_campaign_test(struct apicall *call);
void handle_campaign_pause(struct apicall *call);
void handle_campaign_resume(struct apicall *call);
void handle_campaign_cancel(struct apicall *call);
void handle_campaign_resolve(struct apicall *call);
void handle_campaign_resend(struct apicall *call);
void handle_campaign_resend_count(struct apicall *call);
void handle_campaign_report(struct apicall *call);

void handle_draft_create(struct apicall *call);
void handle_draft_show(struct apicall *call);
void handle_draft_change(struct apicall *call);
void handle_draft_delete(struct apicall *call);
void handle_draft_recipients(struct apicall *call);
void handle_draft_plan(struct apicall *call);
void handle_draft_preview(struct apicall *call);
void handle_draft_rejected(struct apicall *call);
void handle_draft_sample(struct apicall *call);
void handle_draft_ask(struct apicall *call);
void handle_draft_approve(struct apicall *call);
void handle_draft_return(struct apicall *call);
void handle_text_count(struct apicall *call);

void handle_area_list(struct apicall *call);
void handle_area_show(struct apicall *call);
void handle_area_numbers(struct apicall *call);
void handle_area_live(struct apicall *call);
void handle_area_trial(struct apicall *call);

void handle_recipients_lookup(struct apicall *call);
void handle_optout_page(struct apicall *call);
void handle_optout_add(struct apicall *call);
void handle_optout_remove(struct apicall *call);
void handle_optout_check(struct apicall *call);

void handle_carrier_list(struct apicall *call);
void handle_carrier_pause(struct apicall *call);
void handle_carrier_resume(struct apicall *call);

void handle_pledge_add(struct apicall *call);
void handle_pledge_list(struct apicall *call);
void handle_pledge_search(struct apicall *call);
void handle_pledge_import(struct apicall *call);
void handle_pledge_show(struct apicall *call);
void handle_pledge_confirm(struct apicall *call);
void handle_pledge_arrive(struct apicall *call);
void handle_pledge_deliver(struct apicall *call);
void handle_pledge_void(struct apicall *call);
void handle_pledge_waive(struct apicall *call);
void handle_pledge_transfer(struct apicall *call);
void handle_pledge_ticket(struct apicall *call);
void handle_pledge_reverse(struct apicall *call);
void handle_pledge_messages(struct apicall *call);
void handle_pledge_message_again(struct apicall *call);
void handle_totals(struct apicall *call);
void handle_totals_day(struct apicall *call);
void handle_totals_messages(struct apicall *call);
void handle_events(struct apicall *call);
void handle_ledger_reverse(struct apicall *call);
void handle_ledger_pass(struct apicall *call);
void handle_ledger_close(struct apicall *call);
void handle_ledger_entries(struct apicall *call);
void handle_ledger_audit(struct apicall *call);
void handle_ledger_publish(struct apicall *call);
void handle_public_page(struct apicall *call);
void handle_public_totals(struct apicall *call);
void handle_public_donors(struct apicall *call);
void handle_public_style(struct apicall *call);
void handle_ledger_verify(struct apicall *call);
void handle_ledger_seal(struct apicall *call);
void handle_backup(struct apicall *call);
void handle_restore(struct apicall *call);
void handle_purge(struct apicall *call);
