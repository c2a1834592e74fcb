#include "pch.h"

uint32_t tally::parity(const Bytes& bytes)
{
    uint32_t parity = 0;
    for (uint32_t i = 0; i < bytes.size; i++)
    {
        parity ^= bytes.data[i];
    }

    parity ^= parity >> 4;
    return 0x6996 >> (parity & 15) & 1;
}
