#include "pch.h"

uint32_t tally::fibonacci(const Bytes& bytes)
{
    uint32_t a = 0, b = 1;
    for (uint32_t i = 0; i < bytes.size; i++)
    {
        uint32_t next = (a + b + bytes.data[i]) % 1000003;
        a = b;
        b = next;
    }

    return a;
}
