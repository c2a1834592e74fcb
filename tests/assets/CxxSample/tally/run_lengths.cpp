#include "pch.h"

uint32_t tally::run_lengths(const Bytes& bytes)
{
    uint32_t pairs = 0;
    for (uint32_t i = 0; i < bytes.size;)
    {
        uint32_t start = i;
        while (i < bytes.size && bytes.data[i] == bytes.data[start] && i - start < 255)
        {
            i++;
        }

        pairs++;
    }

    return pairs * 2;
}
