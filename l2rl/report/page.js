// Draws every figure that the page carries as data.
const figures = JSON.parse(document.getElementById("figures").textContent);
// The buttons are listed, since the default ones include sending the data to a server.
const config = {displaylogo: false, responsive: true, displayModeBar: "hover",
                modeBarButtons: [["toImage", "zoom2d", "pan2d", "resetScale2d"]]};
for (const [name, figure] of Object.entries(figures)) {
  Plotly.newPlot(document.getElementById("figure-" + name), figure.data, figure.layout, config);
}
