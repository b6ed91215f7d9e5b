/* What each command of the table does. Every function gives the exit code of the program. */
#pragma once

#include "ctl/command.h"

enum ctl_exit cmd_check(struct ctl *ctl);
enum ctl_exit cmd_help(struct ctl *ctl);
enum ctl_exit cmd_completion(struct ctl *ctl);

enum ctl_exit cmd_campaign_plan(struct ctl *ctl);
enum ctl_exit cmd_campaign_test(struct ctl *ctl);
enum ctl_exit cmd_campaign_launch(struct ctl *ctl);
enum ctl_exit cmd_campaign_list(struct ctl *ctl);
enum ctl_exit cmd_campaign_status(struct ctl *ctl);
enum ctl_exit cmd_campaign_pause(struct ctl *ctl);
enum ctl_exit cmd_campaign_resume(struct ctl *ctl);
enum ctl_exit cmd_campaign_cancel(struct ctl *ctl);
enum ctl_exit cmd_campaign_report(struct ctl *ctl);
enum ctl_exit cmd_campaign_resend(struct ctl *ctl);
enum ctl_exit cmd_campaign_resolve(struct ctl *ctl);

enum ctl_exit cmd_optout_add(struct ctl *ctl);
enum ctl_exit cmd_optout_remove(struct ctl *ctl);
enum ctl_exit cmd_audit_list(struct ctl *ctl);
enum ctl_exit cmd_audit_verify(struct ctl *ctl);
enum ctl_exit cmd_token_add(struct ctl *ctl);
enum ctl_exit cmd_token_drop(struct ctl *ctl);
enum ctl_exit cmd_token_list(struct ctl *ctl);
enum ctl_exit cmd_user_add(struct ctl *ctl);
enum ctl_exit cmd_user_passwd(struct ctl *ctl);
enum ctl_exit cmd_user_change(struct ctl *ctl);
enum ctl_exit cmd_user_disable(struct ctl *ctl);
enum ctl_exit cmd_user_enable(struct ctl *ctl);
enum ctl_exit cmd_user_list(struct ctl *ctl);

enum ctl_exit cmd_area_live(struct ctl *ctl);
enum ctl_exit cmd_area_trial(struct ctl *ctl);
enum ctl_exit cmd_area_numbers(struct ctl *ctl);
enum ctl_exit cmd_area_list(struct ctl *ctl);
enum ctl_exit cmd_optout_check(struct ctl *ctl);
enum ctl_exit cmd_optout_import(struct ctl *ctl);
enum ctl_exit cmd_optout_export(struct ctl *ctl);

enum ctl_exit cmd_carrier_list(struct ctl *ctl);
enum ctl_exit cmd_carrier_pause(struct ctl *ctl);
enum ctl_exit cmd_carrier_resume(struct ctl *ctl);
enum ctl_exit cmd_status(struct ctl *ctl);
enum ctl_exit cmd_reload(struct ctl *ctl);

enum ctl_exit cmd_pledge_add(struct ctl *ctl);
enum ctl_exit
cmd_pledge_step(struct ctl *ctl); /* confirm, arrive, deliver, void, waive, transfer, ticket */
enum ctl_exit cmd_pledge_reverse(struct ctl *ctl);
enum ctl_exit cmd_pledge_pass(struct ctl *ctl);
enum ctl_exit cmd_pledge_show(struct ctl *ctl);
enum ctl_exit cmd_pledge_receipt(struct ctl *ctl);
enum ctl_exit cmd_pledge_list(struct ctl *ctl);
enum ctl_exit cmd_pledge_import(struct ctl *ctl);
enum ctl_exit cmd_totals(struct ctl *ctl);
enum ctl_exit cmd_ledger_verify(struct ctl *ctl);
enum ctl_exit cmd_ledger_seal(struct ctl *ctl);
enum ctl_exit cmd_ledger_audit(struct ctl *ctl);
enum ctl_exit cmd_ledger_export(struct ctl *ctl);
enum ctl_exit cmd_ledger_publish(struct ctl *ctl);
enum ctl_exit cmd_ledger_close(struct ctl *ctl);
enum ctl_exit cmd_backup(struct ctl *ctl);
enum ctl_exit cmd_restore(struct ctl *ctl);
enum ctl_exit cmd_purge(struct ctl *ctl);
