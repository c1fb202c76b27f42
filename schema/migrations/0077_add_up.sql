-- A sum that is kept in eight bytes: that of bigint is a numeric, whose state for each of some hundred thousand groups costs
-- more than to find the group. It fails where the sum does not fit.
CREATE AGGREGATE rtb.add_up(bigint) (SFUNC = int8pl, STYPE = bigint, COMBINEFUNC = int8pl, PARALLEL = SAFE);
