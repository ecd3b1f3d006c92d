/* The check of the option "proxy": see http.h. */
#include "http.h"

#include <curl/curl.h>

#include <string.h>

static bool known_scheme(const char *scheme)
{
    static const char *const SCHEMES[] = {"http",    "https",  "socks4",
                                          "socks4a", "socks5", "socks5h"};

    for (size_t i = 0; i < OSSDL_ARRAY_LEN(SCHEMES); i++) {
        if (strcmp(scheme, SCHEMES[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_proxy(CURLU *url, const char *proxy)
{
    char *scheme = NULL;
    bool good = curl_url_set(url, CURLUPART_URL, proxy,
                             CURLU_DEFAULT_SCHEME | CURLU_NON_SUPPORT_SCHEME) ==
                    CURLUE_OK &&
                curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
                known_scheme(scheme);

    curl_free(scheme);
    return good;
}

enum ossdl_status ossdl_http_check_proxy(const char *proxy,
                                         struct ossdl_error *err)
{
    CURLU *url;
    bool good;

    if (!proxy || !proxy[0]) {
        return OSSDL_OK;
    }
    url = curl_url();
    if (!url) {
        return ossdl_error_memory(err);
    }
    good = is_proxy(url, proxy);
    curl_url_cleanup(url);
    return good ? OSSDL_OK
                : ossdl_error_set(err, OSSDL_EINVALID, "proxy",
                                  "option 'proxy' is not the URL of a proxy: "
                                  "write it like http://host:8080 or "
                                  "socks5h://host:1080");
}
