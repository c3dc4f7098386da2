// The adaptive stage (docs/numerics.md, sections 10 to 14): predicts the eight decisions of a byte from what the block
// has shown so far, and from the network's frequencies where there are any. Plain data and functions: nothing
// allocates, nothing throws.
//
// A byte step: start() and then code_byte() for every lane that still has a byte, then update_tables() and
// update_rest() once for all of them. Until these two everything in Shared is constant, so that lanes may go in any
// order and side by side; a Lane is private, takes in its byte when the next one starts, and learns bit by bit.
// Lane::coded and Lane::t tell where it is: equal between start() and code_byte(), one apart until the next start().
#pragma once

#include "stage/mixer.hpp"
#include "stage/start.hpp"
#include "stage/update.hpp"
