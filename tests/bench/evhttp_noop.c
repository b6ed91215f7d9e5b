/* The ceiling for webhooks: an evhttp server that answers every request at once and stores nothing.
 * bench_evhttp_noop PORT */
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <stdlib.h>

static void on_request(struct evhttp_request *request, void *arg)
{
    (void)arg;
    struct evbuffer *out = evhttp_request_get_output_buffer(request);
    evhttp_add_header(evhttp_request_get_output_headers(request), "Content-Type",
                      "application/json");
    evbuffer_add(out, "{\"success\":true}", 16);
    evhttp_send_reply(request, 200, "OK", NULL);
}

int main(int argc, char **argv)
{
    struct event_base *base = event_base_new();
    struct evhttp *http = evhttp_new(base);
    if (argc != 2 || evhttp_bind_socket(http, "127.0.0.1", (unsigned short)atoi(argv[1])))
        return 1;
    evhttp_set_gencb(http, on_request, NULL);
    return event_base_dispatch(base);
}
