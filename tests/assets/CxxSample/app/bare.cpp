#include <stddef.h>

#include "tally.h"

extern "C" const uint32_t tally_seed;

// What the compiler may call without being asked.
extern "C" void* memset(void* target, int value, size_t size)
{
    for (size_t i = 0; i < size; i++)
    {
        static_cast<volatile uint8_t*>(target)[i] = static_cast<uint8_t>(value);
    }

    return target;
}

extern "C" uint32_t start()
{
    static const uint8_t text[] = {'t', 'a', 'l', 'l', 'y'};
    const tally::Bytes bytes{text, sizeof text};
    uint32_t total = tally_seed;
#define TALLY_ADD(name) total = total * 31 + tally::name(bytes);
    TALLY_METHODS(TALLY_ADD)
    return total;
}
