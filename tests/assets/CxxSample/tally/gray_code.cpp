#include "pch.h"

uint32_t tally::gray_code(const Bytes& bytes)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < bytes.size; i++)
    {
        sum = sum * 3 + (bytes.data[i] ^ bytes.data[i] >> 1);
    }

    return sum;
}
