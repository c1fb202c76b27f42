// What a conversion cost, in plain SQL over truth.spend, truth.stats and truth.mapping. No view of ours is read.

export function key(...columns: string[]): string {
  return `concat_ws(' ', ${columns.join(", ")})`;
}

/** Both sides grouped and joined, as on paper. */
export const independent = perDay(`
  select ${key("date", "name", "id", "currency")},
         (basis, conversions, round(payout, 2), round(spend, 2), round(cost, 2), case when not mixed then round(cost / nullif(conversions, 0), 2) end,
          round(revenue, 2), case when not mixed then round(revenue - cost, 2) end, case when not mixed then round(revenue / nullif(cost, 0), 2) end)
    from days`);

export const independentByAffiliate = perDay(`
  select ${key("name", "id", "currency")}, (sum(conversions)::bigint, round(sum(payout), 2), round(sum(spend), 2), round(sum(cost), 2), round(sum(revenue), 2))
    from days group by name, id, currency`);

function perDay(select: string): string {
  return `
  with labels as (
    select l.label, (select case when count(distinct affiliate_id) = 1 then min(affiliate_id) end from truth.stats s where s.affiliate_name = l.label) as id,
           bool_or(l.internal) as internal
      from truth.mapping l group by l.label
  ), spent as (
    select s.date, l.label, l.id, sum(s.cost) as spend
      from truth.spend s join truth.mapping m on m.source_id = s.source_id join labels l on l.label = m.label group by 1, 2, 3
  ), earned as (
    select date, affiliate_id as id, currency, max(affiliate_name) as name, sum(conversions)::bigint as conversions, sum(payout) as payout, sum(revenue) as revenue
      from truth.stats group by 1, 2, 3
  ), joined as (
    select coalesce(e.date, s.date) as date, coalesce(e.id, s.id) as id, coalesce(e.currency, 'USD') as currency, coalesce(s.label, n.label, e.name) as name,
           e.conversions, e.payout, e.revenue, s.spend, coalesce(n.internal, i.internal, false) as internal
      from earned e
      full join spent s on s.date = e.date and s.id = e.id and e.currency = 'USD'
      left join labels n on n.id = coalesce(e.id, s.id)
      left join labels i on i.label = coalesce(s.label, e.name)
  ), mixed as (
    select date, name, id from joined where internal and (spend <> 0 or conversions <> 0 or payout <> 0 or revenue <> 0) group by 1, 2, 3 having count(distinct currency) > 1
  ), days as (
    select j.*, case when internal then 'spend' else 'payout' end as basis, case when internal then spend else payout end as cost,
           exists (select from mixed m where m.date = j.date and m.name = j.name and m.id is not distinct from j.id) as mixed
      from joined j
  ) ${select}`;
}
