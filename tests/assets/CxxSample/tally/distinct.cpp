#include "pch.h"

uint32_t tally::distinct(const Bytes& bytes)
{
    uint32_t seen[8] = {}, count = 0;
    for (uint32_t i = 0; i < bytes.size; i++)
    {
        uint32_t& word = seen[bytes.data[i] / 32];
        uint32_t bit = 1u << bytes.data[i] % 32;
        count += (word & bit) == 0;
        word |= bit;
    }

    return count;
}
