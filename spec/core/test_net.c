#include "net.h"
#include "test.h"

TEST("every transport failure has a name of its own and a sentence")
{
    for (int i = 0; i < OSSDL_NET_COUNT; i++) {
        const char *text = ossdl_net_text((enum ossdl_net) i);

        CHECK(ossdl_net_name((enum ossdl_net) i)[0] != '\0');
        CHECK(strlen(text) > 10 && text[strlen(text) - 1] != '.');
        for (int j = 0; j < i; j++) {
            CHECK(strcmp(ossdl_net_name((enum ossdl_net) i),
                         ossdl_net_name((enum ossdl_net) j)) != 0);
        }
    }
}

TEST("transport failures are of the kinds that callers know")
{
    CHECK_U64(ossdl_net_status(OSSDL_NET_OK), OSSDL_OK);
    CHECK_U64(ossdl_net_status(OSSDL_NET_RESOLVE), OSSDL_ENETWORK);
    CHECK_U64(ossdl_net_status(OSSDL_NET_CONNECT_TIMEOUT), OSSDL_ETIMEOUT);
    CHECK_U64(ossdl_net_status(OSSDL_NET_STALL), OSSDL_ETIMEOUT);
    CHECK_U64(ossdl_net_status(OSSDL_NET_TLS_UNTRUSTED), OSSDL_ETLS);
    CHECK_U64(ossdl_net_status(OSSDL_NET_GARBAGE), OSSDL_EPROTOCOL);
    CHECK_U64(ossdl_net_status(OSSDL_NET_STOPPED), OSSDL_ECANCELLED);
    CHECK_U64(ossdl_net_status(OSSDL_NET_BAD_URL), OSSDL_EINVALID);
    CHECK_U64(ossdl_net_status(OSSDL_NET_MEMORY), OSSDL_EMEMORY);
}

TEST("a number that is no transport failure counts as another one")
{
    CHECK_STR(ossdl_net_name((enum ossdl_net) 99), "other");
    CHECK_STR(ossdl_net_text((enum ossdl_net) - 1),
              ossdl_net_text(OSSDL_NET_OTHER));
    CHECK_U64(ossdl_net_status(OSSDL_NET_COUNT), OSSDL_ENETWORK);
}

TEST_MAIN()
