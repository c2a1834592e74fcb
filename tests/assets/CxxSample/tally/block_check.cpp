#include "pch.h"

uint32_t tally::block_check(const Bytes& bytes)
{
    uint32_t check = 0;
    for (uint32_t i = 0; i < bytes.size; i++)
    {
        check ^= static_cast<uint32_t>(bytes.data[i]) << i % 4 * 8;
    }

    return check;
}
