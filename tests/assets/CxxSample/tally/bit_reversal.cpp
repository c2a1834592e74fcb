#include "pch.h"

uint32_t tally::bit_reversal(const Bytes& bytes)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < bytes.size; i++)
    {
        uint32_t value = bytes.data[i], reversed = 0;
        for (int bit = 0; bit < 8; bit++)
        {
            reversed = reversed << 1 | (value >> bit & 1);
        }

        sum += reversed * (i + 1);
    }

    return sum;
}
