-- Increment counters.
--
-- KEYS  `counters.counter_keys`
-- ARGV  pairs of a counter and its increment

-- include: common/counters
count_arguments(1)
return 1
