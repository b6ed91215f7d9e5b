/* The drivers there are, and what libcurl's errors prove. */
#include "carrier/carrier.h"

#include <string.h>

#include "carrier/cloudmas.h"
#include "carrier/codes.h"

static const struct carrier_driver *const drivers[] = {&cloudmas_driver};
static const char *const driver_names[] = {"cloudmas"};

const struct carrier_driver *carrier_driver(const char *name)
{
    for (size_t i = 0; i < sizeof drivers / sizeof drivers[0]; i++) {
        if (strcmp(drivers[i]->name, name) == 0)
            return drivers[i];
    }
    return NULL;
}

size_t carrier_driver_names(const char *const **names)
{
    *names = driver_names;
    return sizeof driver_names / sizeof driver_names[0];
}

/* ---- what codes mean */

/* Codes that the daemon itself writes, see parse_submit, dispatch and the functions of the store.
 */
static const struct own_code {
    const char *code, *meaning;
} own_codes[] = {
    {CARRIER_CODE_OPERATOR, "结果不明，由操作人员决定按未送达处理（不是运营商的回执）"},
    {CARRIER_CODE_FORM, "号码或文字无法组成请求，没有提交"},
    {"(other)", "不同的代码太多，原来的代码没有保存"},
};

const char *carrier_meaning(const struct carrier_driver *driver, const struct codes *codes,
                            const char *code)
{
    const char *meaning = codes == NULL ? "" : codes_meaning(codes, code);
    if (*meaning == '\0' && driver != NULL)
        meaning = driver->word_meaning(code);
    for (size_t i = 0; *meaning == '\0' && i < sizeof own_codes / sizeof own_codes[0]; i++) {
        if (strcmp(own_codes[i].code, code) == 0)
            meaning = own_codes[i].meaning;
    }
    if (*meaning == '\0' && strncmp(code, "HTTP ", strlen("HTTP ")) == 0)
        meaning = "平台只回答了 HTTP 状态码，没有给出结果";
    return meaning;
}

/* ---- transport failures */

/* The codes of libcurl (curl/curl.h; their numbers never change) that can end a request before its
 * first byte. Together with sent_any = false they are proof; a code that is not here and sent_any =
 * false contradict each other, and nothing is proved. */
static bool may_precede_first_byte(int curl_code)
{
    switch (curl_code) {
    case 1:  /* unsupported protocol */
    case 2:  /* no handle */
    case 3:  /* malformed address */
    case 4:  /* not built in */
    case 5:  /* proxy not resolved */
    case 6:  /* host not resolved */
    case 7:  /* refused, unreachable */
    case 27: /* out of memory */
    case 28: /* time-out: while resolving, connecting, or waiting for a connection */
    case 35: /* TLS handshake */
    case 42: /* we stopped it */
    case 43: /* wrong use */
    case 45: /* local interface */
    case 48: /* unknown option */
    case 53: /* TLS engine */
    case 54:
    case 58: /* client certificate */
    case 59: /* ciphers */
    case 60: /* peer's certificate */
    case 66: /* TLS engine */
    case 77: /* CA file */
    case 80: /* TLS shutdown */
    case 82: /* CRL file */
    case 83: /* issuer */
    case 90: /* pinned key */
    case 91: /* certificate status */
    case 96: /* QUIC connect */
    case 97: /* proxy handshake */
    case 98: /* client certificate wanted */
    case 99: /* poll failed */
        return true;
    default:
        return false;
    }
}

enum outcome carrier_transport_outcome(int curl_code, bool sent_any)
{
    return !sent_any && may_precede_first_byte(curl_code) ? OUTCOME_NOT_SENT : OUTCOME_AMBIGUOUS;
}
