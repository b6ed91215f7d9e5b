#include "api/regions.h"

#include "pledge/regions.h"

static const char *name(const void *arg, uint64_t area)
{
    const char *text = regions_name(arg, area);
    return text != NULL ? text : "";
}

struct encode_regions api_regions(const struct apicall *call)
{
    return (struct encode_regions){.name = name, .arg = call->api->regions};
}

json_t *api_region_path(const struct apicall *call, uint64_t area)
{
    struct buf path;
    buf_init(&path, REGION_PATH_MAX_BYTES);
    regions_path(call->api->regions, area, &path);
    json_t *json = json_string(buf_text(&path));
    buf_fini(&path);
    return json;
}
