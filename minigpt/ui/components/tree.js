// A beam search's tree: boxes of tokens where Python put them, and the lines between.

const views = new WeakMap()

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".tree")
  if (!views.has(root)) views.set(root, treeView(root))
  views.get(root)(data, setTriggerValue)
}

function element(name, className, text = "") {
  const made = document.createElement(name)
  made.className = className
  made.textContent = text // whatever a token holds stays text
  return made
}

function svg(name, about, text = "") {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name)
  for (const [key, value] of Object.entries(about)) made.setAttribute(key, value)
  made.textContent = text
  return made
}

function line({ fate, path, edges, y, percent }) {
  const drawn = [svg("path", { class: fate, d: path })]
  if (percent) drawn.push(svg("text", { class: fate, x: edges[0] - 5, y: y - 4 }, percent))
  return drawn
}

function treeView(root) {
  const [frame, paper] = [".frame", ".paper"].map((name) => root.querySelector(name))
  let data, tell, seen = "", items = new Map() // node → its element

  function update(now, trigger) {
    ;[data, tell] = [now, trigger]
    const { chosen, ...drawing } = data
    const what = JSON.stringify(drawing)
    if (what !== seen) draw()
    seen = what
    choose(chosen)
  }

  function draw() {
    const following = frame.scrollWidth - frame.scrollLeft - frame.clientWidth < 24
    const grows = items.size > 0
    const focused = nodeOf(root.getRootNode().activeElement)
    const lines = svg("svg", { width: data.width, height: data.height, "aria-hidden": "true" })
    const [x, y] = data.start
    lines.append(svg("circle", { cx: x, cy: y, r: 4 }))
    items = new Map()
    for (const fate of data.fates) // the winning path above all
      for (const box of data.boxes.filter((box) => box.fate === fate))
        lines.append(...line(box))
    const boxes = data.boxes.map(drawn)
    const steps = element("div", "steps")
    steps.setAttribute("aria-hidden", "true")
    data.steps.forEach((left, i) => {
      const step = element("span", "", i ? String(i + 1) : "step 1")
      step.style.left = `${left}px`
      steps.append(step)
    })
    paper.style.width = `${data.width}px`
    paper.style.height = `${data.height}px`
    if (boxes.length) paper.setAttribute("role", "tree")
    else paper.removeAttribute("role") // a tree without branches is none
    paper.replaceChildren(lines, steps, ...boxes)
    if (grows && following) frame.scrollLeft = frame.scrollWidth
    items.get(focused)?.focus({ preventScroll: true })
  }

  function drawn({ nodes, labels, edges, y, fate, words, first }) {
    const box = element("div", `box ${fate}`)
    box.style.left = `${edges[0]}px`
    box.style.top = `${y - 10}px`
    labels.forEach((label, k) => {
      const cell = element("span", k < nodes.length ? "node" : "more", label)
      cell.style.width = `${edges[k + 1] - edges[k]}px`
      box.append(cell)
      if (k >= nodes.length) return
      cell.dataset.node = nodes[k]
      cell.dataset.step = first + k
      cell.title = words[k]
      cell.setAttribute("role", "treeitem")
      cell.setAttribute("aria-level", first + k)
      cell.setAttribute("aria-label", words[k])
      cell.tabIndex = -1
      items.set(nodes[k], cell)
    })
    return box
  }

  function choose(node) {
    for (const item of items.values()) item.setAttribute("aria-selected", "false")
    items.get(node)?.setAttribute("aria-selected", "true")
    stop(items.get(node) ?? items.values().next().value)
  }

  // The one node that the Tab key stops at.
  function stop(item) {
    for (const other of items.values()) other.tabIndex = other === item ? 0 : -1
  }

  const nodeOf = (target) => {
    const item = target?.closest?.(".node")
    return item ? Number(item.dataset.node) : null
  }

  function take(node) {
    if (node === null) return
    choose(node) // the answer takes a moment
    tell("clicked", node)
  }

  // Left and right along a branch, up and down in a column.
  function beside(node, key) {
    const at = items.get(node)
    if (key === "ArrowLeft") return items.get(data.parents[node])
    const all = [...items.values()]
    if (key === "ArrowRight") return all.find((item) => data.parents[item.dataset.node] === node)
    const column = all.filter((item) => item.dataset.step === at.dataset.step)
    column.sort((a, b) => a.parentElement.offsetTop - b.parentElement.offsetTop)
    return column[column.indexOf(at) + { ArrowUp: -1, ArrowDown: 1 }[key]]
  }

  paper.onclick = (event) => take(nodeOf(event.target))
  paper.onkeydown = (event) => {
    const node = nodeOf(event.target)
    if (node === null) return
    if (event.key.startsWith("Arrow")) {
      const next = beside(node, event.key)
      if (next) stop(next)
      next?.focus()
    } else if (event.key === "Enter" || event.key === " ") take(node)
    else return
    event.preventDefault()
    event.stopPropagation()
  }
  return update
}
