"""What watches the service: the edge's metrics, and the rules that follow from the objectives."""
