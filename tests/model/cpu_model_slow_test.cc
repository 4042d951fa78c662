// SPDX-License-Identifier: GPL-2.0
// cpu_model_test.cc, and further.
#include "cpu_model_setups.h"

using namespace cpu_model;

INSTANTIATE_TEST_SUITE_P(Of, CpuModel, ::testing::ValuesIn(kSetups),
                         [](const auto& info) { return info.param.name; });

TEST_P(CpuModel, HoldsWithTwoInterruptions) {
  expect_proven(GetParam().setup, 2);
}

TEST(CpuModelOfTwo, HoldsInAllOrders) {
  expect_proven({.calls = {{kAnswer}, {kAnswer}}}, -1);
}
