#include "api/encode_notice.h"

#include "pledge/money.h"
#include "sms/mobile.h"

#define NAME_MAX_BYTES 1024

const char encode_notice_definition[] =
    "统计期内登记的分录：认捐（已确认，扣除作废、撤回和转让）、到账（扣除退回）、发放。"
    "按认捐登记的地区统计；更正计入登记更正的日期。物资和服务按品名和单位统计，不折算金额。";

static json_t *sums_json(enum pledge_kind kind, const struct notice_sums *sums)
{
    const int64_t values[] = {sums->pledged, sums->arrived, sums->delivered};
    static const char *const keys[] = {"pledged", "arrived", "delivered"};
    bool is_money = kind == PLEDGE_CASH || kind == PLEDGE_PURCHASE;
    json_t *json = json_object();
    for (size_t i = 0; i < 3; i++) {
        char text[MONEY_TEXT_SIZE];
        json_object_set_new(json, keys[i],
                            is_money ? json_integer(values[i])
                                     : json_string(money_format_quantity(values[i], text)));
    }
    return json_pack("{s:o}", is_money ? "fen" : "quantity", json);
}

static json_t *thing_json(enum pledge_kind kind, const char *item, const char *unit,
                          const struct notice_sums *sums)
{
    json_t *json = sums_json(kind, sums);
    json_object_set_new(json, "kind", json_string(pledge_kind_word(kind)));
    json_object_set_new(json, "item", json_string(item));
    json_object_set_new(json, "unit", json_string(unit));
    return json;
}

json_t *encode_notice_row(const struct notice_row *row, const struct encode_regions *regions)
{
    char number[NUMBER_TEXT_SIZE], mobile[MOBILE_TEXT_SIZE] = "";
    struct buf name;
    json_t *json = thing_json(row->kind, row->item, row->unit, &row->sums);
    buf_init(&name, NAME_MAX_BYTES);
    name_public(row->name, row->is_organisation, row->shown, &name);
    /* Whoever wants no name wants no number either. */
    if (row->mobile != 0 && row->shown != NAME_ANONYMOUS) {
        mobile_mask(row->mobile, mobile);
    }
    json_object_set_new(json, "number", json_string(number_format(&row->number, number)));
    json_object_set_new(json, "name", json_string(buf_text(&name)));
    json_object_set_new(json, "mobile", json_string(mobile));
    json_object_set_new(json, "organisation", json_boolean(row->is_organisation));
    json_object_set_new(json, "region", encode_area(row->area));
    json_object_set_new(
        json, "region_name",
        json_string(regions->name != NULL ? regions->name(regions->arg, row->area) : ""));
    buf_fini(&name);
    return json;
}

json_t *encode_notice_total(const struct notice_total *total)
{
    json_t *json = thing_json(total->kind, total->item, total->unit, &total->sums);
    json_object_set_new(json, "donors", json_integer((json_int_t)total->donors));
    return json;
}
