#include "pch.h"

uint32_t tally::fletcher16(const Bytes& bytes)
{
    uint32_t a = 0, b = 0;
    for (uint32_t i = 0; i < bytes.size; i++)
    {
        a = (a + bytes.data[i]) % 255;
        b = (b + a) % 255;
    }

    return b << 8 | a;
}
