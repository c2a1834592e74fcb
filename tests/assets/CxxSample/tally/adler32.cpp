#include "pch.h"

uint32_t tally::adler32(const Bytes& bytes)
{
    uint32_t a = 1, b = 0;
    for (uint32_t i = 0; i < bytes.size; i++)
    {
        a = (a + bytes.data[i]) % 65521;
        b = (b + a) % 65521;
    }

    return b << 16 | a;
}
