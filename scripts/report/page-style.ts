export const pageStyle = `
:root{color-scheme:light dark;--ink:#1c2330;--soft:#5b6577;--paper:#f4f5f8;--card:#fff;--line:#e3e6ec;--fine:#eef0f4;--revenue:#2450c4;--cost:#c2571a;--spend:#c2571a;--payout:#6b5bd2;--good:#1a7f4b;--bad:#b42318;--open:#8a5a00;--shadow:0 1px 2px rgb(20 30 60/.04),0 8px 24px -16px rgb(20 30 60/.18)}
@media(prefers-color-scheme:dark){:root{--ink:#e8ebf1;--soft:#9aa5b8;--paper:#101319;--card:#181d26;--line:#2a313e;--fine:#222935;--revenue:#8eaeff;--cost:#ffa468;--spend:#ffa468;--payout:#b4a7ff;--good:#4cc38a;--bad:#ff8a75;--open:#f0c060;--shadow:none}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;-webkit-text-size-adjust:100%}
main{max-width:80rem;margin:0 auto;padding:3.2rem 1.5rem 3rem}
header{margin-bottom:1.4rem}
.kicker{margin:0;color:var(--soft);font-size:.85rem;letter-spacing:.02em}
h1{margin:.1rem 0 .2rem;font-size:2.2rem;line-height:1.15;letter-spacing:-.025em}
h2.currency{margin:2.2rem 0 .8rem;font-size:1.35rem;letter-spacing:-.01em}
h3{margin:0;font-size:1.05rem;letter-spacing:-.005em}
.lead{margin:0;color:var(--soft);font-size:1.05rem}
.soft{color:var(--soft)}
.note{margin:0 0 1.4rem;padding:.75rem 1.1rem;border-radius:10px;background:var(--card);border:1px solid var(--line);border-left:4px solid var(--good);color:var(--soft)}
.note b{color:var(--good)}.note.open{border-left-color:var(--open)}.note.open b{color:var(--open)}.note.bad{border-left-color:var(--bad)}.note.bad b{color:var(--bad)}
.note ul{margin:.35rem 0 0;padding-left:1.1rem;font-size:.9rem}
.tiles{display:grid;grid-template-columns:1.05fr 1fr 1.45fr 1.45fr 1.35fr .85fr;gap:.9rem;margin:0 0 .9rem}
.tile{min-width:0;padding:1rem 1.1rem .9rem;background:var(--card);border:1px solid var(--line);border-radius:14px;box-shadow:var(--shadow)}
.tile dt{color:var(--soft);font-size:.85rem}
.tile dd{margin:.1rem 0 0;font-size:1.3rem;font-weight:650;letter-spacing:-.02em;font-variant-numeric:tabular-nums;white-space:nowrap}
.tile small{display:block;margin-top:.15rem;color:var(--soft);font-size:.8rem;line-height:1.3}
.tile.lead{background:var(--revenue);border-color:var(--revenue);color:#fff}
.tile.lead dt,.tile.lead small{color:rgb(255 255 255/.85)}
.tile.loss dd,.loss{color:var(--bad)}
@media(prefers-color-scheme:dark){.tile.lead{background:#2a3f80;border-color:#3a55a8}}
.card{margin:0 0 .9rem;padding:1.2rem 1.3rem;background:var(--card);border:1px solid var(--line);border-radius:14px;box-shadow:var(--shadow)}
.card>.soft{margin:.2rem 0 .9rem;font-size:.92rem}
.empty{text-align:center;color:var(--soft);padding:3rem}
.legend{display:flex;flex-wrap:wrap;gap:1.1rem;margin:.25rem 0 .7rem;color:var(--soft);font-size:.88rem}
.key::before{content:"";display:inline-block;width:.75rem;height:.75rem;margin-right:.45rem;border-radius:3px;vertical-align:-.06rem;background:var(--line)}
.key.revenue::before{background:var(--revenue)}.key.cost::before{background:var(--cost)}.key.spend::before{background:var(--spend)}.key.payout::before{background:var(--payout)}
.key.provisional::before{background:repeating-linear-gradient(45deg,var(--soft) 0 1px,transparent 1px 4px)}
svg{display:block;width:100%;height:auto;overflow:visible;font-size:13px}
svg text{fill:var(--ink)}
.grid{stroke:var(--fine)}.zero{stroke:var(--line)}
svg .tick,svg .soft{fill:var(--soft);font-size:12px}
.hatch{stroke:var(--soft);stroke-width:1.4;opacity:.28}
.line{fill:none;stroke-width:2.4;stroke-linejoin:round;stroke-linecap:round}
.line.revenue{stroke:var(--revenue)}.line.cost{stroke:var(--cost)}
.area{opacity:.09}.area.revenue{fill:var(--revenue)}
.dot{stroke:var(--card);stroke-width:1.6}.dot.revenue{fill:var(--revenue)}.dot.cost{fill:var(--cost)}
.target{fill:transparent}
.tip{visibility:hidden;pointer-events:none}
.day:hover .tip{visibility:visible}
.tip line{stroke:var(--soft);stroke-dasharray:3 3}
.tip rect{fill:var(--card);stroke:var(--line)}
.tip .title{font-weight:650}
svg.bars .value{paint-order:stroke;stroke:var(--card);stroke-width:5px;stroke-linejoin:round}
svg .value{font-weight:600;font-variant-numeric:tabular-nums}
svg .tip .revenue{fill:var(--revenue)}svg .tip .cost{fill:var(--cost)}
.bar.spend{fill:var(--spend)}.bar.payout{fill:var(--payout)}
svg .value .soft{font-weight:400}
svg line.average{stroke:var(--soft);stroke-dasharray:4 4}
svg text.average{fill:var(--soft);font-size:12px}
.scroll{overflow-x:auto;margin:0 -1.3rem;padding:0 1.3rem}
table{width:100%;border-collapse:collapse;font-size:.84rem;font-variant-numeric:tabular-nums}
th,td{padding:.55rem .5rem;text-align:left;vertical-align:top;border-bottom:1px solid var(--fine)}
td{white-space:nowrap}
th:first-child,td:first-child{padding-left:0}th:last-child,td:last-child{padding-right:0}
thead th{color:var(--soft);font-weight:500;font-size:.82rem;border-bottom-color:var(--line);white-space:nowrap}
thead .sides th{padding-bottom:0;border:0;text-align:right;font-size:.76rem;letter-spacing:.01em}
tbody th{font-weight:600;min-width:9rem}
tbody th small{display:block;max-width:18rem;color:var(--soft);font-weight:400;line-height:1.35}
tbody tr:hover{background:color-mix(in srgb,var(--fine) 55%,transparent)}
.number{text-align:right;white-space:nowrap}
.strong{font-weight:650}
tfoot th,tfoot td{border-top:2px solid var(--line);border-bottom:0;font-weight:650}
.chip{display:inline-block;padding:0 .5rem;border:1px solid currentcolor;border-radius:99px;font-size:.78rem;line-height:1.35rem}
.chip.spend{color:var(--spend)}.chip.payout{color:var(--payout)}
code{font:.86em ui-monospace,SFMono-Regular,Menlo,monospace}
footer{margin-top:1.6rem;color:var(--soft);font-size:.85rem;max-width:52rem}
@media(max-width:62rem){.tiles{grid-template-columns:repeat(3,1fr)}}
@media(max-width:36rem){.tiles{grid-template-columns:repeat(2,1fr)}main{padding:1.6rem .9rem}h1{font-size:1.7rem}.card{padding:1rem}.scroll{margin:0 -1rem;padding:0 1rem}svg{min-width:38rem}.card{overflow-x:auto}}
@media print{body{background:#fff}.card,.tile{box-shadow:none;break-inside:avoid}}
`;
