/* C among C++: compiled by the C compiler, without the precompiled header. */
#include <stdint.h>

const uint32_t tally_seed = 0x5EED;
