//! The live cluster: client, discovery, watches, inventory, health (IO: kube).
