#include "pch.h"
#include "tables.h"

uint32_t tally::crc32(const Bytes& bytes)
{
    uint32_t crc = 0xFFFFFFFF;
    for (uint32_t i = 0; i < bytes.size; i++)
    {
        crc = crc_table[(crc ^ bytes.data[i]) & 0xFF] ^ crc >> 8;
    }

    return ~crc;
}
