#pragma once
#include <stdint.h>

// The methods, for whoever wants to do something with each.
#define TALLY_METHODS(METHOD) \
    METHOD(adler32) \
    METHOD(bernstein) \
    METHOD(bit_reversal) \
    METHOD(block_check) \
    METHOD(collatz) \
    METHOD(crc16) \
    METHOD(crc32) \
    METHOD(digit_sum) \
    METHOD(distinct) \
    METHOD(edit_distance) \
    METHOD(elf) \
    METHOD(fibonacci) \
    METHOD(fletcher16) \
    METHOD(fnv1a) \
    METHOD(gcd_sum) \
    METHOD(gray_code) \
    METHOD(heap_median) \
    METHOD(inversions) \
    METHOD(jenkins) \
    METHOD(knapsack) \
    METHOD(lfsr) \
    METHOD(life) \
    METHOD(longest_run) \
    METHOD(luhn) \
    METHOD(matrix_power) \
    METHOD(murmur3) \
    METHOD(parity) \
    METHOD(pearson) \
    METHOD(population) \
    METHOD(primes) \
    METHOD(queens) \
    METHOD(run_lengths) \
    METHOD(sdbm) \
    METHOD(xorshift)

// Numbers that can be had from some bytes. Nothing here needs a C library.
namespace tally
{
struct Bytes
{
    const uint8_t* data;
    uint32_t size;
};

#define TALLY_DECLARE(name) uint32_t name(const Bytes& bytes);
TALLY_METHODS(TALLY_DECLARE)
#undef TALLY_DECLARE
}
