/* Every spelling of the issue, and the ones that must not become a figure. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "pledge/parse.h"

static struct pledge_words *words;

static int setup(void **state)
{
    (void)state;
    return pledge_words_new("捐 认捐 捐款 JK", "以购代捐 购", &words);
}

static int teardown(void **state)
{
    (void)state;
    pledge_words_free(words);
    return 0;
}

static void test_understood(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum pledge_kind kind;
        int64_t fen, thousandths;
        const char *item, *unit, *name;
    } cases[] = {
        {"捐100", PLEDGE_CASH, 10000, 0, "", "", ""},
        {"认捐 100元", PLEDGE_CASH, 10000, 0, "", "", ""},
        {"捐款１００", PLEDGE_CASH, 10000, 0, "", "", ""},
        {"JK 200 张三", PLEDGE_CASH, 20000, 0, "", "", "张三"},
        {"jk200张三", PLEDGE_CASH, 20000, 0, "", "", "张三"},
        {"捐一百元", PLEDGE_CASH, 10000, 0, "", "", ""},
        {"捐1.5万", PLEDGE_CASH, 1500000, 0, "", "", ""},
        {"认捐大米20袋", PLEDGE_GOODS, 0, 20000, "大米", "袋", ""},
        {"认捐 大米 二十袋 李四", PLEDGE_GOODS, 0, 20000, "大米", "袋", "李四"},
        {"捐20袋大米 李四", PLEDGE_GOODS, 0, 20000, "大米", "袋", "李四"},
        {"认捐三轮车1辆", PLEDGE_GOODS, 0, 1000, "三轮车", "辆", ""},
        {"认捐化肥2.5吨", PLEDGE_GOODS, 0, 2500, "化肥", "吨", ""},
        {"认捐8小时理发", PLEDGE_SERVICE, 0, 8000, "理发", "小时", ""},
        {"认捐8小时", PLEDGE_SERVICE, 0, 8000, "服务", "小时", ""},
        {"以购代捐1200元", PLEDGE_PURCHASE, 120000, 0, "", "", ""},
        {"　捐１００元。", PLEDGE_CASH, 10000, 0, "", "", ""},
        {"捐100元 欧阳锋", PLEDGE_CASH, 10000, 0, "", "", "欧阳锋"},
        {"我要认捐100元", PLEDGE_CASH, 10000, 0, "", "", ""},
        {"我想捐100", PLEDGE_CASH, 10000, 0, "", "", ""},
        {"您好，我们家也想捐大米20袋 李四", PLEDGE_GOODS, 0, 20000, "大米", "袋", "李四"},
        {"本人自愿捐款 200 张三", PLEDGE_CASH, 20000, 0, "", "", "张三"},
        {"我 jk 50", PLEDGE_CASH, 5000, 0, "", "", ""},
        {"捐5角", PLEDGE_CASH, 50, 0, "", "", ""},
        {"捐5毛 张三", PLEDGE_CASH, 50, 0, "", "", "张三"},
        {"捐5分", PLEDGE_CASH, 5, 0, "", "", ""},
        {"捐一点五万元", PLEDGE_CASH, 1500000, 0, "", "", ""},
        {"捐一点五万 张三", PLEDGE_CASH, 1500000, 0, "", "", "张三"},
        {"认捐化肥两点五吨", PLEDGE_GOODS, 0, 2500, "化肥", "吨", ""},
        {"捐八角5斤", PLEDGE_GOODS, 0, 5000, "八角", "斤", ""},
        {"捐5个千斤顶", PLEDGE_GOODS, 0, 5000, "千斤顶", "个", ""},
        /* Names that begin like an amount, behind 元 or a gap. */
        {"捐100元陆小明", PLEDGE_CASH, 10000, 0, "", "", "陆小明"},
        {"捐100元万小明", PLEDGE_CASH, 10000, 0, "", "", "万小明"},
        {"捐100 毛小明", PLEDGE_CASH, 10000, 0, "", "", "毛小明"},
        {"捐100元 余华", PLEDGE_CASH, 10000, 0, "", "", "余华"},
        {"捐100多吉", PLEDGE_CASH, 10000, 0, "", "", "多吉"},
        {"捐100 次仁卓玛", PLEDGE_CASH, 10000, 0, "", "", "次仁卓玛"},
        {"捐100元 李元", PLEDGE_CASH, 10000, 0, "", "", "李元"},
        {"捐100元钱小明", PLEDGE_CASH, 10000, 0, "", "", "钱小明"},
        {"捐100，张三", PLEDGE_CASH, 10000, 0, "", "", "张三"},
        {"捐100元 买买提·艾力", PLEDGE_CASH, 10000, 0, "", "", "买买提·艾力"},
        {"捐100元🙏", PLEDGE_CASH, 10000, 0, "", "", ""},
        /* Thanks and good wishes are no name. */
        {"捐100 谢谢", PLEDGE_CASH, 10000, 0, "", "", ""},
        {"捐100谢谢", PLEDGE_CASH, 10000, 0, "", "", ""},
        {"捐100元，谢谢大家！", PLEDGE_CASH, 10000, 0, "", "", ""},
        {"捐100元 张三 谢谢", PLEDGE_CASH, 10000, 0, "", "", "张三"},
        {"捐100 谢谢！张三", PLEDGE_CASH, 10000, 0, "", "", "张三"},
        {"捐100 张三谢谢", PLEDGE_CASH, 10000, 0, "", "", "张三"},
        {"捐100元 祝你们越办越好🙏", PLEDGE_CASH, 10000, 0, "", "", ""},
        {"捐100元 谢霆 祝英台", PLEDGE_CASH, 10000, 0, "", "", "谢霆 祝英台"},
        {"认捐大米20袋 小小心意", PLEDGE_GOODS, 0, 20000, "大米", "袋", ""},
        {"捐20袋大米 李四，感谢政府", PLEDGE_GOODS, 0, 20000, "大米", "袋", "李四"},
        {"捐100元 Anne-Marie O'Neil", PLEDGE_CASH, 10000, 0, "", "", "Anne-Marie O'Neil"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct pledge_text got;
        enum pledge_verdict verdict =
            pledge_parse(words, cases[i].text, strlen(cases[i].text), &got);
        if (verdict != PLEDGE_UNDERSTOOD || got.kind != cases[i].kind || got.fen != cases[i].fen ||
            got.thousandths != cases[i].thousandths || strcmp(got.item, cases[i].item) != 0 ||
            strcmp(got.unit, cases[i].unit) != 0 || strcmp(got.name, cases[i].name) != 0)
            fail_msg("%s: verdict %d kind %d fen %lld quantity %lld item '%s' unit '%s' name '%s'",
                     cases[i].text, (int)verdict, (int)got.kind, (long long)got.fen,
                     (long long)got.thousandths, got.item, got.unit, got.name);
    }
}

static void test_not_understood(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum pledge_verdict verdict;
    } cases[] = {
        {"收到", PLEDGE_NO_KEYWORD},
        {"R", PLEDGE_NO_KEYWORD},
        {"JKL 5", PLEDGE_NO_KEYWORD},
        {"", PLEDGE_NO_KEYWORD},
        {"感谢您的关心", PLEDGE_NO_KEYWORD},
        {"我们", PLEDGE_NO_KEYWORD},
        {"OJK 5", PLEDGE_NO_KEYWORD},
        {"我不捐100", PLEDGE_MENTIONED},
        {"请问怎么捐", PLEDGE_MENTIONED},
        {"我不捐", PLEDGE_MENTIONED},
        {"我不捐，家里困难", PLEDGE_MENTIONED},
        {"我不认捐", PLEDGE_MENTIONED},
        {"听说捐二百", PLEDGE_MENTIONED},
        {"捐赠怎么弄", PLEDGE_UNCLEAR},
        {"请问捐赠怎么弄", PLEDGE_MENTIONED},
        /* One character is part of many words. */
        {"感谢捐赠", PLEDGE_NO_KEYWORD},
        {"感谢捐赠，谢谢大家", PLEDGE_NO_KEYWORD},
        {"募捐箱已收到", PLEDGE_NO_KEYWORD},
        {"捐100 谢谢，怎么交", PLEDGE_NOT_EXACT},
        {"捐100谢谢二百元", PLEDGE_NOT_EXACT},
        {"捐100 谢谢 左右", PLEDGE_NOT_EXACT},
        {"想想捐100", PLEDGE_MENTIONED},
        {"100元捐款", PLEDGE_MENTIONED},
        {"请问 jk 100", PLEDGE_MENTIONED},
        {"我要捐", PLEDGE_UNCLEAR},
        {"我要捐100左右", PLEDGE_NOT_EXACT},
        {"我想捐100怎么交", PLEDGE_NOT_EXACT},
        {"捐", PLEDGE_UNCLEAR},
        {"捐款光荣", PLEDGE_UNCLEAR},
        {"捐0", PLEDGE_OUT_OF_RANGE},
        {"捐-5", PLEDGE_NOT_EXACT},
        {"捐1,000.005", PLEDGE_NOT_EXACT},
        {"捐99999999999999999", PLEDGE_OUT_OF_RANGE},
        {"捐100%", PLEDGE_UNCLEAR},
        {"捐100 200", PLEDGE_UNCLEAR},
        {"捐20袋", PLEDGE_UNCLEAR},
        /* What would change the amount is no name. */
        {"捐100美元", PLEDGE_NOT_EXACT},
        {"捐100 USD", PLEDGE_NOT_EXACT},
        {"捐100 w", PLEDGE_NOT_EXACT},
        {"捐100元 港币", PLEDGE_NOT_EXACT},
        {"捐100 €", PLEDGE_UNCLEAR},
        {"捐一点", PLEDGE_NOT_EXACT},
        {"捐一点钱", PLEDGE_NOT_EXACT},
        {"捐一百或二百", PLEDGE_NOT_EXACT},
        {"捐一百到二百", PLEDGE_NOT_EXACT},
        {"捐一百-二百", PLEDGE_NOT_EXACT},
        {"捐100 二百", PLEDGE_NOT_EXACT},
        {"捐100 万", PLEDGE_NOT_EXACT},
        {"捐100 张三二百", PLEDGE_NOT_EXACT},
        {"捐100多元", PLEDGE_NOT_EXACT},
        {"捐100余元", PLEDGE_NOT_EXACT},
        {"捐100来块", PLEDGE_NOT_EXACT},
        {"捐十几元", PLEDGE_NOT_EXACT},
        {"捐100左右", PLEDGE_NOT_EXACT},
        {"捐100元左右", PLEDGE_NOT_EXACT},
        {"捐100元以上", PLEDGE_NOT_EXACT},
        {"捐100每月", PLEDGE_NOT_EXACT},
        {"捐100行吗", PLEDGE_NOT_EXACT},
        {"捐1.5分", PLEDGE_NOT_EXACT},
        {"捐一百五毛", PLEDGE_NOT_EXACT},
        {"捐10个亿", PLEDGE_NOT_EXACT},
        {"捐10个亿元", PLEDGE_NOT_EXACT},
        {"捐20多袋大米", PLEDGE_NOT_EXACT},
        {"捐约20袋大米", PLEDGE_NOT_EXACT},
        {"捐20袋大米左右", PLEDGE_NOT_EXACT},
        {"捐20筐苹果", PLEDGE_NOT_EXACT},
        /* A million, or a hundred from Mr Wan; 160, or a hundred from Mr Lu. */
        {"捐100万小明", PLEDGE_NOT_EXACT},
        {"捐一百陆小明", PLEDGE_NOT_EXACT},
        {"捐100毛小明", PLEDGE_NOT_EXACT},
        {"捐五块五张三", PLEDGE_NOT_EXACT},
        {"\xff\xfe", PLEDGE_NO_KEYWORD},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct pledge_text got;
        enum pledge_verdict verdict =
            pledge_parse(words, cases[i].text, strlen(cases[i].text), &got);
        if (verdict != cases[i].verdict)
            fail_msg("%s: verdict %d, not %d", cases[i].text, (int)verdict, (int)cases[i].verdict);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_understood),
                                       cmocka_unit_test(test_not_understood)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
