-- Makes the months that are not there yet, as parts of rtb.new_months, where rows go in without an index: a key that is
-- made afterwards costs a fraction. Until rtb.attach_months, in the same transaction, nobody else sees any of it.
CREATE FUNCTION rtb.begin_months(days date[]) RETURNS date[] LANGUAGE plpgsql AS $$
DECLARE
	wanted date[] := ARRAY(SELECT DISTINCT date_trunc('month', d::timestamp)::date FROM unnest(days) d ORDER BY 1);
	made date[] := '{}';
	month date;
	part text;
BEGIN
	FOREACH month IN ARRAY wanted LOOP
		part := format('performance_metrics_%s', to_char(month, 'YYYY_MM'));
		CONTINUE WHEN to_regclass(format('rtb.%I', part)) IS NOT NULL;
		-- One at a time, and looked for again: another import may just have made it.
		LOCK TABLE ONLY rtb.performance_metrics IN SHARE UPDATE EXCLUSIVE MODE;
		CONTINUE WHEN to_regclass(format('rtb.%I', part)) IS NOT NULL;
		IF made = '{}' THEN
			CREATE TABLE rtb.new_months (LIKE rtb.performance_metrics) PARTITION BY RANGE (date);
		END IF;
		-- A third of each page stays free: restated rows are rewritten in place, and their index entries stay as they are.
		EXECUTE format('CREATE TABLE rtb.%I PARTITION OF rtb.new_months FOR VALUES FROM (%L) TO (%L) WITH (fillfactor = 66)', part, month, month + interval '1 month');
		made := made || month;
	END LOOP;
	RETURN made;
END $$;
--> statement-breakpoint
-- Gives the months that were just made their key and makes them parts of rtb.performance_metrics. Attached and not made
-- in their place, which would lock readers out until the import commits.
CREATE FUNCTION rtb.attach_months(months date[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	month date;
	part text;
BEGIN
	IF months = '{}' THEN
		RETURN;
	END IF;
	FOREACH month IN ARRAY months LOOP
		part := format('performance_metrics_%s', to_char(month, 'YYYY_MM'));
		EXECUTE format('ALTER TABLE rtb.new_months DETACH PARTITION rtb.%I', part);
		EXECUTE format('ALTER TABLE rtb.%I ADD PRIMARY KEY (_client_id, creative_id, date, hour, geography, device_type, placement)', part);
		EXECUTE format('ALTER TABLE rtb.performance_metrics ATTACH PARTITION rtb.%I FOR VALUES FROM (%L) TO (%L)', part, month, month + interval '1 month');
		EXECUTE format('COMMENT ON TABLE rtb.%I IS %L', part, 'Part of rtb.performance_metrics: ' || to_char(month, 'YYYY-MM') || '.');
	END LOOP;
	DROP TABLE rtb.new_months;
END $$;
--> statement-breakpoint
CREATE OR REPLACE FUNCTION rtb.ensure_months(days date[]) RETURNS void LANGUAGE sql AS $$
	SELECT rtb.attach_months(rtb.begin_months(days));
$$;
