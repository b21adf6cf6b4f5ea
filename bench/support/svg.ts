// What all plots have in common.

export const plotStyle = `<style>
text { font: 12px system-ui, sans-serif; fill: #24292f }
.paper { fill: #ffffff }
.head { font-weight: 600; font-size: 14px }
.label { text-anchor: end }
.tick { text-anchor: middle; fill: #57606a; font-size: 11px }
.grid { stroke: #d0d7de }
.aim { stroke: #24292f; stroke-dasharray: 4 3 }
.met { fill: #4c9a6a }
.missed { fill: #c9604f }
.spread { stroke: #24292f; stroke-width: 1.5 }
.queued { fill: #d8dee4 }
.running { fill: #4c78a8 }
.waiting { fill: #e0a458 }
</style>`

export function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
