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
enum ctl_exit cmd_optout_check(struct ctl *ctl);
enum ctl_exit cmd_optout_import(struct ctl *ctl);
enum ctl_exit cmd_optout_export(struct ctl *ctl);

enum ctl_exit cmd_carrier_list(struct ctl *ctl);
enum ctl_exit cmd_carrier_pause(struct ctl *ctl);
enum ctl_exit cmd_carrier_resume(struct ctl *ctl);
enum ctl_exit cmd_status(struct ctl *ctl);
enum ctl_exit cmd_reload(struct ctl *ctl);
