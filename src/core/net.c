#include "net.h"

static const struct {
    const char *name;
    enum ossdl_status status;
    const char *sentence;
} NETS[OSSDL_NET_COUNT] = {
#define OSSDL_NET_ROW(constant, name, status, sentence) \
    {name, OSSDL_E##status, sentence},
    OSSDL_NET_MAP(OSSDL_NET_ROW)
#undef OSSDL_NET_ROW
};

/* A number that is none of ours is a failure that we have no word for. */
static size_t row_of(enum ossdl_net net)
{
    return (size_t) net < OSSDL_NET_COUNT ? (size_t) net : OSSDL_NET_OTHER;
}

const char *ossdl_net_name(enum ossdl_net net)
{
    return NETS[row_of(net)].name;
}

const char *ossdl_net_text(enum ossdl_net net)
{
    return NETS[row_of(net)].sentence;
}

enum ossdl_status ossdl_net_status(enum ossdl_net net)
{
    return NETS[row_of(net)].status;
}
